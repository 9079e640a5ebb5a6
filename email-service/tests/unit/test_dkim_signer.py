"""What the signer writes is verified by dkimpy, which shares no line of code with it."""

import re
from base64 import b64encode
from collections.abc import Callable

import dkim  # type: ignore[import-untyped]
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from email_deliveries import NOON, an_email
from hypothesis import given, settings
from hypothesis import strategies as st

from email_service.adapters.dkim_signer import DkimKey, DkimSigner, read_dkim_key
from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_message import compose_mail
from email_service.adapters.mail_sender import MailSender

RSA = rsa.generate_private_key(65537, 2048)
ED25519, OTHER_ED25519 = (ed25519.Ed25519PrivateKey.generate() for _ in range(2))
SENDER = MailSender(
    parse_email_address("no-reply@example.com"),
    "Example Shop, Ltd",
    reply_to=parse_email_address("help@example.com"),
)
anything = st.text(st.characters(exclude_categories=["Cs"]), max_size=300)
both_keys = pytest.mark.parametrize("key", [RSA, ED25519], ids=["rsa", "ed25519"])


def published(key: DkimKey) -> Callable[..., bytes]:
    """DNS that knows one record only."""
    public = key.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        kind, raw = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, raw = "ed25519", public.public_bytes_raw()
    record = f"v=DKIM1; k={kind}; p=".encode() + b64encode(raw)

    def look_up(name: bytes, timeout: int) -> bytes:
        assert name == b"mail._domainkey.example.com."
        return record

    return look_up


def a_mail(subject: str = "Hello", text: str | None = "Hello") -> bytes:
    mail = an_email(subject=subject, text=text)
    return compose_mail(mail, parse_email_address("jane@example.com"), SENDER, NOON)


def signed(mail: bytes, key: DkimKey = RSA) -> bytes:
    return DkimSigner(key, "example.com", "mail").sign(mail, NOON)


def verifies(mail: bytes, key: DkimKey = RSA) -> bool:
    return bool(dkim.verify(mail, dnsfunc=published(key)))


def tags(mail: bytes) -> dict[str, str]:
    head = mail.partition(b"\r\n\r\n")[0].decode()
    field = re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n")[0].removeprefix("DKIM-Signature:")
    pairs = (tag.partition("=") for tag in field.split(";"))
    return {name.strip(): re.sub(r"\s", "", value) for name, _, value in pairs}


@both_keys
def test_a_signed_mail_verifies(key: DkimKey) -> None:
    assert verifies(signed(a_mail(), key), key)


@both_keys
def test_another_key_s_signature_does_not(key: DkimKey) -> None:
    stranger = rsa.generate_private_key(65537, 2048) if key is RSA else OTHER_ED25519
    assert not verifies(signed(a_mail(), stranger), key)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=300), st.text(max_size=20))
def test_whatever_the_mail_says_it_verifies(subject: str, text: str) -> None:
    assert verifies(
        signed(a_mail(subject, text.encode("utf-8", "replace").decode()), ED25519), ED25519
    )


@settings(max_examples=60, deadline=None)
@given(st.lists(st.sampled_from([b" ", b"\t", b"\r\n", b"a", b"."]), max_size=30))
def test_any_white_space_in_a_body_is_canonicalised_as_others_do(body: list[bytes]) -> None:
    mail = b"From: a@example.com\r\nSubject:  x \t y \r\n\r\n" + b"".join(body) + b"\r\n"
    assert verifies(signed(mail, ED25519), ED25519)


@pytest.mark.parametrize(
    "body", [b"", b"\r\n", b"\r\n\r\n", b"x", b" \r\n\r\n", b"a\r\n \r\n\t\r\n"]
)
def test_an_empty_or_unfinished_body_is_canonicalised_as_others_do(body: bytes) -> None:
    assert verifies(signed(b"From: a@example.com\r\n\r\n" + body, ED25519), ED25519)


def test_a_relay_may_fold_and_pad_the_headers() -> None:
    mail = signed(a_mail())
    refolded = mail.replace(b"Subject: Hello\r\n", b"SUBJECT:\r\n\t Hello  \r\n")
    assert refolded != mail
    assert verifies(refolded)


@pytest.mark.parametrize(
    ("what", "by"),
    [
        (b"Subject: Hello", b"Subject: Hullo"),
        (b"To: jane@", b"To: joan@"),
        (b"no-reply@example.com>\r\n", b"ceo@example.com>\r\n"),
        (b"Auto-Submitted: auto-generated", b"Auto-Submitted: no"),
        (b"Reply-To: help@", b"Reply-To: thief@"),
        (b"Date: Fri", b"Date: Sat"),
        (b"Message-ID: <", b"Message-ID: <1"),
        (
            b"MIME-Version: 1.0\r\nContent-Type: multipart/alternative",
            b"MIME-Version: 1.0\r\nContent-Type: multipart/mixed",
        ),
        (b"PHA+", b"PHB+"),
    ],
)
def test_nothing_that_counts_can_be_changed_on_the_way(what: bytes, by: bytes) -> None:
    mail = signed(a_mail())
    changed = mail.replace(what, by, 1)
    assert changed != mail
    assert verifies(mail)
    assert not verifies(changed)


def test_a_second_from_breaks_the_signature() -> None:
    mail = signed(a_mail())
    assert not verifies(b"From: ceo@example.com\r\n" + mail)


def test_headers_that_are_there_are_signed_and_from_once_more() -> None:
    mail = a_mail().replace(
        b"MIME-Version",
        b"List-Unsubscribe: <https://example.com/u>\r\n"
        b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\nMIME-Version",
        1,
    )
    found = tags(signed(mail))
    assert found["h"].split(":") == [
        "from",
        "from",
        "to",
        "subject",
        "date",
        "message-id",
        "reply-to",
        "mime-version",
        "content-type",
        "auto-submitted",
        "list-unsubscribe",
        "list-unsubscribe-post",
    ]
    assert verifies(signed(mail))


def test_the_signature_names_its_terms() -> None:
    found = tags(signed(a_mail()))
    assert (found["v"], found["a"], found["c"]) == ("1", "rsa-sha256", "relaxed/relaxed")
    assert (found["d"], found["s"], found["t"]) == (
        "example.com",
        "mail",
        str(int(NOON.timestamp())),
    )
    assert tags(signed(a_mail(), ED25519))["a"] == "ed25519-sha256"


def test_no_line_of_the_signature_is_longer_than_78() -> None:
    head = signed(a_mail()).partition(b"\r\nFrom:")[0]
    assert max(map(len, head.split(b"\r\n"))) <= 78


@pytest.mark.parametrize("form", [PrivateFormat.TraditionalOpenSSL, PrivateFormat.PKCS8])
def test_a_key_is_read_from_either_form_also_with_escaped_line_ends(form: PrivateFormat) -> None:
    pem = RSA.private_bytes(Encoding.PEM, form, NoEncryption()).decode()
    for text in (pem, pem.replace("\n", "\\n")):
        key = read_dkim_key(text)
        assert isinstance(key, rsa.RSAPrivateKey)
        assert key.private_numbers() == RSA.private_numbers()


def test_an_ed25519_key_is_read() -> None:
    pem = ED25519.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    assert isinstance(read_dkim_key(pem), ed25519.Ed25519PrivateKey)


def test_a_key_that_cannot_sign_is_refused() -> None:
    secret = RSA.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"password")
    ).decode()
    other = ec.generate_private_key(ec.SECP256R1())
    curve = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    public = RSA.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    for pem in ("", "nonsense", secret, public):
        with pytest.raises(ValueError, match="not a private key in PEM without a password"):
            read_dkim_key(pem)
    with pytest.raises(ValueError, match="an Ed25519 key, or an RSA key of at least 1024 bits"):
        read_dkim_key(curve)


@pytest.mark.parametrize("name", ["", "a b", "-x.com", "x..com", "bücher.de", "a;b", "a\r\n"])
def test_a_name_that_dns_cannot_hold_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cannot be a DKIM domain"):
        DkimSigner(RSA, name, "mail")
    with pytest.raises(ValueError, match="cannot be a DKIM selector"):
        DkimSigner(RSA, "example.com", name)
