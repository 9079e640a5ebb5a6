"""A server's address that can be shut: connections over it break, and new ones are refused."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Gate:
    """Passes bytes on from `port` of 127.0.0.1 to another port of it, while it is open."""

    def __init__(self, port: int, to_port: int) -> None:
        self._port = port
        self._to_port = to_port
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)

    async def shut(self) -> None:
        if self._server is not None:
            self._server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self._server.wait_closed()
        self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        other_reader, other_writer = await asyncio.open_connection("127.0.0.1", self._to_port)
        both = {writer, other_writer}
        self._writers |= both
        try:
            await asyncio.gather(_pass_on(reader, other_writer), _pass_on(other_reader, writer))
        finally:
            self._writers -= both
            for one in both:
                one.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.transport.abort()


@asynccontextmanager
async def gate(port: int, *, to_port: int) -> AsyncIterator[Gate]:
    """A gate that is shut at first."""
    one = Gate(port, to_port)
    try:
        yield one
    finally:
        await one.shut()
