"""MAIL, RCPT and DATA sent together (RFC 2920): refusals, and servers that do as they like."""

import asyncio
from collections.abc import AsyncIterator

import aiosmtplib
import pytest
from email_deliveries import an_email
from scripted_smtp_server import ScriptedSmtpServer, scripted_smtp_server
from smtp_providers import a_provider

from delivery.errors import InvalidRecipientError, TransientDeliveryError
from email_service.adapters.smtp_dialogue import SmtpDialogue
from email_service.adapters.smtp_provider import SmtpProvider


@pytest.fixture
async def server() -> AsyncIterator[ScriptedSmtpServer]:
    async with scripted_smtp_server(("PIPELINING",)) as running:
        yield running


@pytest.fixture
async def provider(server: ScriptedSmtpServer) -> AsyncIterator[SmtpProvider]:
    async with a_provider(server.port) as running:
        yield running


async def test_the_envelope_goes_out_without_waiting_for_replies() -> None:
    together: list[bytes] = []

    async def answer_late(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 late.test ESMTP\r\n")
        await reader.readline()
        writer.write(b"250-late.test\r\n250 PIPELINING\r\n")
        together.extend([await reader.readline() for _ in range(3)])
        writer.write(b"250 Ok\r\n250 Ok\r\n354 Go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(b"250 Ok: queued as 4XYZ\r\n")
        await reader.readline()
        writer.close()

    listener = await asyncio.start_server(answer_late, "127.0.0.1", 0)
    async with listener, a_provider(listener.sockets[0].getsockname()[1]) as provider:
        acceptance = await provider.send(an_email())
    assert acceptance.provider_message_id == "4XYZ"
    assert [line[:4] for line in together] == [b"MAIL", b"RCPT", b"DATA"]


async def test_each_refusal_is_told_as_what_it_refused(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("MAIL", "451 4.3.0 Not now")
    with pytest.raises(TransientDeliveryError, match="Not now") as sender:
        await provider.send(an_email())
    assert sender.value.reply_code == "451 4.3.0"
    server.say("RCPT", "550 5.1.1 User unknown")
    with pytest.raises(InvalidRecipientError, match="User unknown"):
        await provider.send(an_email())
    server.say("DATA", "451 4.3.1 Disk full")
    with pytest.raises(TransientDeliveryError, match="Disk full"):
        await provider.send(an_email())
    await provider.send(an_email())
    assert (len(server.mails), server.connections) == (1, 1)


async def test_nothing_is_sent_to_a_server_that_wants_content_after_a_refusal(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("RCPT", "550 5.1.1 User unknown")
    server.say("DATA", "354 Go on")
    with pytest.raises(InvalidRecipientError):
        await provider.send(an_email())
    assert server.mails == []
    await provider.send(an_email())
    assert (len(server.mails), server.connections) == (1, 2)


async def test_a_server_that_refuses_and_leaves_is_told_by_its_refusal(
    server: ScriptedSmtpServer, provider: SmtpProvider
) -> None:
    server.say("RCPT", "550 5.1.1 User unknown")
    server.say("DATA", "421 4.3.2 Bye")
    with pytest.raises(InvalidRecipientError):
        await provider.send(an_email())
    await provider.send(an_email())
    assert server.connections == 2


class RecordingTransport(asyncio.Transport):
    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


async def test_replies_are_read_however_the_network_cuts_them() -> None:
    said = b"250-first\r\n250 2.1.0 second\r\n354 go\r\n250 done\r\n"
    for size in range(1, len(said) + 1):
        dialogue = SmtpDialogue(RecordingTransport())
        dialogue.send(b"A\r\nB\r\nC\r\n", replies=3)
        for at in range(0, len(said), size):
            dialogue.data_received(said[at : at + size])
        assert [await dialogue.reply(1.0) for _ in range(3)] == [
            (250, "first\n2.1.0 second"),
            (354, "go"),
            (250, "done"),
        ]
        assert dialogue.awaited == 0


async def test_what_is_said_unasked_ends_the_session() -> None:
    dialogue = SmtpDialogue(RecordingTransport())
    dialogue.data_received(b"421 4.4.2 idle too long\r\n")
    assert not dialogue.is_open
    with pytest.raises(aiosmtplib.SMTPServerDisconnected, match="idle too long"):
        dialogue.send(b"MAIL FROM:<>\r\n")


@pytest.mark.parametrize("endless", [b"2" * 10_000, b"250-more\r\n" * 20_000])
async def test_an_endless_reply_is_not_kept(endless: bytes) -> None:
    transport = RecordingTransport()
    dialogue = SmtpDialogue(transport)
    dialogue.send(b"MAIL FROM:<>\r\n")
    dialogue.data_received(endless)
    with pytest.raises(aiosmtplib.SMTPResponseException):
        await dialogue.reply(1.0)
    assert transport.aborted
