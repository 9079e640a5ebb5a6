"""A real HTTP server on loopback in the place of SendGrid, that breaks at exact points."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto

from email_deliveries import NOON

from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_account import SendGridAccount
from email_service.adapters.sendgrid_provider import SendGridProvider

SENDER = MailSender(parse_email_address("no-reply@example.com"), "Acme")


class Behaviour(Enum):
    """What can be done instead of answering."""

    DROP = auto()
    DROP_IN_BODY = auto()
    HANG = auto()
    DRIP = auto()


@dataclass
class Reply:
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


@dataclass
class Request:
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class ScriptedSendGrid:
    """Takes every mail, unless `script` holds something else; each entry is used once."""

    port: int = 0
    script: deque[Reply | Behaviour] = field(default_factory=deque)
    requests: list[Request] = field(default_factory=list)
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while request := await _read(reader):
                self.requests.append(request)
                taken = Reply(202, {"X-Message-Id": f"sg-{len(self.requests)}"})
                reply = self.script.popleft() if self.script else taken
                if reply is Behaviour.DROP:
                    return
                if reply is Behaviour.HANG:
                    await asyncio.Event().wait()
                if reply is Behaviour.DROP_IN_BODY:
                    _write(writer, taken, 500)
                    await writer.drain()
                    return
                if reply is Behaviour.DRIP:
                    for byte in b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n":
                        writer.write(bytes((byte,)))
                        await asyncio.sleep(0.1)
                    continue
                assert isinstance(reply, Reply)
                _write(writer, reply, len(reply.body))
                await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    first, *lines = head.decode().rstrip("\r\n").split("\r\n")
    headers = {
        name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)
    }
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Request(first.split(" ")[1], headers, body)


def _write(writer: asyncio.StreamWriter, reply: Reply, length: int) -> None:
    lines = [f"HTTP/1.1 {reply.status} x", f"Content-Length: {length}"]
    lines += [f"{name}: {value}" for name, value in reply.headers.items()]
    writer.write("\r\n".join((*lines, "", "")).encode() + reply.body)


@asynccontextmanager
async def scripted_sendgrid() -> AsyncIterator[ScriptedSendGrid]:
    sendgrid = ScriptedSendGrid()
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(sendgrid.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    sendgrid.port = listener.sockets[0].getsockname()[1]
    try:
        yield sendgrid
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


@asynccontextmanager
async def a_sendgrid_provider(
    base_url: str, *, timeout_seconds: float = 5.0
) -> AsyncIterator[SendGridProvider]:
    account = SendGridAccount("SG.key", base_url, timeout_seconds=timeout_seconds)
    provider = SendGridProvider(account, SENDER, lambda: NOON)
    try:
        yield provider
    finally:
        await provider.close()
