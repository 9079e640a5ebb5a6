import pytest
from email_deliveries import DELIVERY_ID, an_email
from scripted_smtp_server import Behaviour, ScriptedSmtpServer, scripted_smtp_server
from smtp_providers import a_provider

from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from email_service.adapters.smtp_provider import SmtpProvider


async def test_hands_the_mail_over_and_returns_the_servers_own_id(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    acceptance = await provider.send(an_email())
    assert (acceptance.provider_message_id, acceptance.reply_code) == ("4XYZ", "250")
    (mail,) = server.mails
    assert mail.sender.startswith("<no-reply@example.com> SIZE=")
    assert int(mail.sender.split("=")[1]) == len(mail.content)
    assert mail.recipient == "<jane@example.com>"
    assert b"\r\nX-Delivery-ID: 0192f0c0-" in mail.content


async def test_names_the_message_id_where_the_server_names_nothing(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("BODY", "250 thanks")
    acceptance = await provider.send(an_email())
    assert acceptance.provider_message_id == f"<{DELIVERY_ID}@example.com>"


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
async def test_421_is_the_servers_trouble_at_every_step(
    server: ScriptedSmtpServer, provider: SmtpProvider, step: str
) -> None:
    server.say(step, "421 4.3.2 Shutting down")
    with pytest.raises(TransientDeliveryError) as error:
        await provider.send(an_email())
    assert error.value.provider_failed
    assert error.value.reply_code == "421 4.3.2"
    await provider.send(an_email())
    assert len(server.mails) == 1


@pytest.mark.parametrize("step", ["CONNECT", "EHLO", "MAIL", "RCPT", "DATA"])
async def test_a_connection_dropped_before_the_final_dot_is_transient(
    server: ScriptedSmtpServer, provider: SmtpProvider, step: str
) -> None:
    server.say(step, Behaviour.DROP)
    with pytest.raises(TransientDeliveryError) as error:
        await provider.send(an_email())
    assert error.value.provider_failed
    await provider.send(an_email())
    assert len(server.mails) == 1


async def test_a_connection_dropped_after_the_final_dot_is_ambiguous(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("BODY", Behaviour.DROP)
    with pytest.raises(AmbiguousDeliveryError):
        await provider.send(an_email())
    await provider.send(an_email())
    assert server.connections == 2


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("CONNECT", TransientDeliveryError),
        ("EHLO", TransientDeliveryError),
        ("MAIL", TransientDeliveryError),
        ("RCPT", TransientDeliveryError),
        ("DATA", TransientDeliveryError),
        ("BODY", AmbiguousDeliveryError),
    ],
)
async def test_a_server_that_says_nothing_more_is_given_up(
    server: ScriptedSmtpServer, step: str, kind: type[Exception]
) -> None:
    server.say(step, Behaviour.HANG)
    async with a_provider(server.port, timeout_seconds=0.2) as provider:
        with pytest.raises(kind):
            await provider.send(an_email())
        await provider.send(an_email())
    assert len(server.mails) == 1


async def test_a_final_dot_that_never_left_is_not_ambiguous(server: ScriptedSmtpServer) -> None:
    server.say("GO", Behaviour.STOP_READING)
    large = an_email(html="x" * 20_000_000)
    async with a_provider(server.port, timeout_seconds=0.5) as provider:
        with pytest.raises(TransientDeliveryError) as error:
            await provider.send(large)
        assert error.value.provider_failed
        await provider.send(an_email())
    assert server.connections == 2


async def test_a_server_that_is_not_there_is_the_providers_failure() -> None:
    async with scripted_smtp_server() as gone:
        port = gone.port
    async with a_provider(port) as provider:
        with pytest.raises(TransientDeliveryError, match="connect_failed") as error:
            await provider.send(an_email())
    assert error.value.provider_failed


async def test_an_answer_that_is_not_smtp_after_the_dot_is_ambiguous(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("BODY", "what?")
    with pytest.raises(AmbiguousDeliveryError):
        await provider.send(an_email())
    await provider.send(an_email())
    assert server.connections == 2


async def test_an_address_beyond_ascii_needs_a_server_with_smtputf8(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    with pytest.raises(PermanentDeliveryError, match="smtputf8_not_offered") as refused:
        await provider.send(an_email(recipient="jörg@example.com"))
    # That would suppress an address that is alive
    assert not isinstance(refused.value, InvalidRecipientError)
    async with (
        scripted_smtp_server(("SMTPUTF8", "8BITMIME")) as modern,
        a_provider(modern.port) as modern_provider,
    ):
        await modern_provider.send(an_email(recipient="jörg@bücher.example"))
    (mail,) = modern.mails
    assert mail.sender == "<no-reply@example.com> SMTPUTF8"
    assert mail.recipient == "<jörg@xn--bcher-kva.example>"


async def test_a_malformed_address_or_text_does_not_reach_the_server(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    with pytest.raises(InvalidRecipientError, match="malformed_address"):
        await provider.send(an_email(recipient="jane@example.com\r\nRCPT TO:<x@example.com>"))
    with pytest.raises(PermanentDeliveryError, match="content_not_encodable"):
        await provider.send(an_email(html="\ud800"))
    assert server.connections == 0
