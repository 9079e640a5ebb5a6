"""Which providers the environment asks for, and what is said when it cannot be done."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from bounce_reports import SEAL
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from pydantic import ValidationError

from email_service.adapters.dkim_settings import DkimSettings, dkim_signer
from email_service.adapters.smtp_server import SmtpTls
from email_service.adapters.smtp_settings import read_smtp_settings, smtp_server
from email_service.bootstrap import build_providers
from email_service.settings import Settings
from servicekit.settings import ConfigurationError

NEEDED = {
    "amqp_url": "amqp://u:p@localhost:5672/%2F",
    "redis_url": "redis://localhost:6379/0",
    "template_service_url": "http://localhost:8002",
    "service_token": "email-service:token",
    "suppression_key": "0123456789abcdef0123456789abcdef",
    "mail_from": "no-reply@example.com",
}
KEY = (
    rsa.generate_private_key(65537, 2048)
    .private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    .decode()
)
DKIM = {"dkim_private_key": KEY, "dkim_selector": "mail", "dkim_domain": "example.com"}


def some_settings(**more: object) -> Settings:
    return Settings.model_validate({**NEEDED, **more})


def names(settings: Settings, environ: Mapping[str, str] | None = None) -> list[str]:
    return [provider.name for provider in build_providers(settings, SEAL, environ or {})]


def test_one_server_needs_its_host_only() -> None:
    assert names(some_settings(smtp_host="mail.test")) == ["smtp"]


def test_several_servers_come_in_their_order() -> None:
    environ = {"SMTP_B_HOST": "b.test", "SMTP_A_HOST": "a.test", "SMTP_EU_WEST_HOST": "c.test"}
    settings = some_settings(email_providers="smtp-b, smtp-a,smtp,smtp-eu-west", smtp_host="m.test")
    assert names(settings, environ) == ["smtp-b", "smtp-a", "smtp", "smtp-eu-west"]


def test_a_server_has_variables_of_its_own_and_takes_nothing_of_another() -> None:
    environ = {
        "SMTP_HOST": "m.test",
        "SMTP_USERNAME": "main",
        "SMTP_A_HOST": "a.test",
        "SMTP_A_PORT": "465",
        "SMTP_A_TLS": "implicit",
        "SMTP_A_USERNAME": "user",
        "SMTP_A_PASSWORD": "secret",
        "SMTP_A_HELO_NAME": "us.test",
        "SMTP_A_CONNECT_SECONDS": "2.5",
        "SMTP_B_HOST": "b.test",
        "SMTP_B_TLS": "",
    }
    a = smtp_server("smtp-a", read_smtp_settings("smtp-a", environ), timeout_seconds=9)
    assert (a.host, a.port, a.tls) == ("a.test", 465, SmtpTls.IMPLICIT)
    assert (a.username, a.password, a.helo_name) == ("user", "secret", "us.test")
    assert (a.connect_seconds, a.timeout_seconds) == (2.5, 9)
    b = smtp_server("smtp-b", read_smtp_settings("smtp-b", environ), timeout_seconds=9)
    assert (b.host, b.port, b.tls, b.username) == ("b.test", 587, SmtpTls.STARTTLS, None)
    assert b.connect_seconds == 4


def test_sendgrid_takes_its_place_among_them() -> None:
    settings = some_settings(
        email_providers="smtp-a,sendgrid,smtp", smtp_host="m.test", sendgrid_api_key="SG.key"
    )
    assert names(settings, {"SMTP_A_HOST": "a.test"}) == ["smtp-a", "sendgrid", "smtp"]


def test_sendgrid_needs_its_key() -> None:
    with pytest.raises(ConfigurationError, match="SENDGRID_API_KEY is not set"):
        names(some_settings(email_providers="sendgrid"))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("smtp,smtp", "each provider once"),
        ("smtp-a,smtp-b, smtp-a", "each provider once"),
        ("smtp,,smtp-a", "must list smtp"),
        ("mailgun", "not 'mailgun'"),
        ("smtp-", "not 'smtp-'"),
        ("SMTP", "not 'SMTP'"),
        ("smtp-a_b", "not 'smtp-a_b'"),
    ],
)
def test_a_list_of_providers_that_cannot_be_is_refused(text: str, why: str) -> None:
    with pytest.raises(ValidationError, match=why) as error:
        some_settings(email_providers=text)
    assert error.value.errors()[0]["loc"] == ("email_providers",)


@pytest.mark.parametrize(
    ("environ", "why"),
    [
        ({}, "SMTP_A_HOST is not set, and EMAIL_PROVIDERS names smtp-a"),
        ({"SMTP_A_HOST": "a.test", "SMTP_A_PORT": "0"}, "^SMTP_A_PORT: "),
        ({"SMTP_A_HOST": "a.test", "SMTP_A_TLS": "ssl"}, "^SMTP_A_TLS: "),
        ({"SMTP_A_HOST": "a.test", "SMTP_A_USERNAME": "u"}, r"SMTP_A_….*given together"),
        ({"SMTP_A_HOST": "a.test", "SMTP_A_TLS": "none"}, r"SMTP_A_….*not be encrypted"),
        ({"SMTP_A_HOST": "a.test", "SMTP_A_CA_FILE": "/none.pem"}, "SMTP_A_CA_FILE cannot be used"),
        (
            {"SMTP_A_HOST": "a.test", "SMTP_A_USERNAME": "u", "SMTP_A_PASSWORD": "change-me"},
            "SMTP_A_PASSWORD still holds a placeholder",
        ),
    ],
)
def test_what_is_wrong_with_a_server_is_said_by_the_variable_s_name(
    environ: dict[str, str], why: str
) -> None:
    with pytest.raises(ConfigurationError, match=why):
        names(some_settings(email_providers="smtp-a"), environ)


def test_the_only_server_s_host_is_named_too() -> None:
    with pytest.raises(ConfigurationError, match="SMTP_HOST is not set"):
        names(some_settings())


def test_an_unused_server_needs_nothing() -> None:
    settings = some_settings(email_providers="smtp-a")
    assert names(settings, {"SMTP_A_HOST": "a.test"}) == ["smtp-a"]


@pytest.mark.parametrize("address", ["nobody", "grüße@example.com"])
def test_a_sender_that_cannot_be_is_refused_by_name(address: str) -> None:
    with pytest.raises(ConfigurationError, match="MAIL_FROM, MAIL_REPLY_TO or MAIL_ENVELOPE"):
        names(some_settings(smtp_host="m.test", mail_from=address))


def test_without_a_key_mails_are_not_signed() -> None:
    assert dkim_signer(DkimSettings()) is None


def test_a_key_may_be_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "dkim.pem"
    file.write_text(KEY)
    assert dkim_signer(DkimSettings.model_validate(DKIM)) is not None
    in_file = {**DKIM, "dkim_private_key": None, "dkim_private_key_file": file}
    assert dkim_signer(DkimSettings.model_validate(in_file)) is not None


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"dkim_selector": None}, "for DKIM DKIM_SELECTOR must be set as well"),
        ({"dkim_domain": None}, "DKIM_DOMAIN must be set as well"),
        ({"dkim_private_key": None}, "DKIM_PRIVATE_KEY must be set as well"),
        ({"dkim_private_key": "x"}, "DKIM_PRIVATE_KEY cannot be used: it is not a private key"),
        ({"dkim_private_key_file": "/none"}, "not both"),
        ({"dkim_private_key": None, "dkim_private_key_file": "/none"}, "_FILE cannot be read"),
        ({"dkim_selector": "a b"}, "'a b' cannot be a DKIM selector"),
    ],
)
def test_half_a_key_is_refused_by_the_variable_s_name(wrong: dict[str, object], why: str) -> None:
    with pytest.raises(ConfigurationError, match=why) as error:
        names(some_settings(smtp_host="m.test", **{**DKIM, **wrong}))
    assert "PRIVATE KEY" not in str(error.value)
