"""A real SMTP server on loopback that says exactly what it is told to."""

import asyncio
import base64
import ssl
from collections import defaultdict, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto


class Behaviour(Enum):
    """What can be done instead of answering."""

    DROP = auto()
    HANG = auto()
    STOP_READING = auto()


@dataclass
class ReceivedMail:
    sender: str
    recipient: str
    content: bytes
    connection: int


@dataclass
class ScriptedSmtpServer:
    """Answers like a friendly SMTP server, unless `script` holds something else for a step.

    Steps are the verbs, `CONNECT` for the greeting, `BODY` for the reply to the final dot, and
    `GO` for what follows 354. Each entry is used once.
    """

    extensions: tuple[str, ...] = ("SIZE 1000000", "8BITMIME")
    tls_context: ssl.SSLContext | None = None
    script: dict[str, deque[str | Behaviour]] = field(default_factory=lambda: defaultdict(deque))
    mails: list[ReceivedMail] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    delay_seconds: float = 0.0
    connections: int = 0
    open_connections: int = 0
    most_open: int = 0
    port: int = 0
    hanging: asyncio.Event = field(default_factory=asyncio.Event)
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)

    def say(self, step: str, *replies: str | Behaviour) -> None:
        self.script[step].extend(replies)

    def drop_all(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        self.most_open = max(self.most_open, self.open_connections)
        self._writers.add(writer)
        try:
            await self._converse(reader, writer, self.connections)
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass
        finally:
            self.open_connections -= 1
            self._writers.discard(writer)
            writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, step: str, usual: str) -> str:
        await asyncio.sleep(self.delay_seconds)
        reply = self.script[step].popleft() if self.script[step] else usual
        if reply is Behaviour.DROP:
            raise ConnectionAbortedError
        if isinstance(reply, Behaviour):
            self.hanging.set()
            await asyncio.Event().wait()
        assert isinstance(reply, str)
        writer.write(reply.encode() + b"\r\n")
        await writer.drain()
        if reply.startswith("421"):
            raise ConnectionAbortedError
        return reply

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int
    ) -> None:
        sender = recipient = ""
        is_open = {"MAIL": False, "RCPT": False}
        await self._answer(writer, "CONNECT", "220 scripted.test ESMTP")
        while line := await reader.readline():
            command = line.decode().rstrip("\r\n")
            self.commands.append(command)
            verb = command.split(" ")[0].upper()
            usual = "250 2.0.0 Ok"
            if verb == "EHLO":
                lines = ("scripted.test", *self.extensions)
                usual = "\r\n".join(
                    f"250{' ' if line is lines[-1] else '-'}{line}" for line in lines
                )
            elif verb == "STARTTLS":
                usual = "220 2.0.0 Ready"
            elif verb == "AUTH":
                secret = base64.b64decode(command.split(" ")[2])
                good = secret == b"\0user\0secret"
                usual = "235 2.7.0 Welcome" if good else "535 5.7.8 Bad credentials"
            elif verb == "MAIL":
                sender = command[len("MAIL FROM:") :]
            elif verb == "RCPT":
                recipient = command[len("RCPT TO:") :]
                usual = usual if is_open["MAIL"] else "503 5.5.1 Need MAIL command"
            elif verb == "DATA":
                usual = "354 Go on" if is_open["RCPT"] else "554 5.5.1 No valid recipients"
            elif verb == "RSET":
                is_open = dict.fromkeys(is_open, False)
            elif verb == "QUIT":
                usual = "221 Bye"
            reply = await self._answer(writer, verb, usual)
            if verb in is_open:
                is_open[verb] = reply.startswith("250")
            if verb == "STARTTLS" and reply.startswith("220"):
                assert self.tls_context is not None
                await writer.start_tls(self.tls_context)
            elif verb == "DATA" and reply.startswith("354"):
                if self.script["GO"]:
                    await self._answer(writer, "GO", "")
                content = await reader.readuntil(b"\r\n.\r\n")
                reply = await self._answer(writer, "BODY", "250 2.0.0 Ok: queued as 4XYZ")
                is_open = dict.fromkeys(is_open, False)
                if reply.startswith("250"):
                    mail = ReceivedMail(sender, recipient, content[: -len(b".\r\n")], number)
                    self.mails.append(mail)
            elif verb == "QUIT":
                return


@asynccontextmanager
async def scripted_smtp_server(
    extensions: tuple[str, ...] = ("SIZE 1000000", "8BITMIME"),
    *,
    tls_context: ssl.SSLContext | None = None,
    implicit_tls: bool = False,
) -> AsyncIterator[ScriptedSmtpServer]:
    server = ScriptedSmtpServer(extensions, tls_context)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(server.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    listener = await asyncio.start_server(
        accept, "127.0.0.1", 0, limit=2**20, ssl=tls_context if implicit_tls else None
    )
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()
