"""A way to a server that loses an answer: the connection closes when the server has replied."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class ReplyDropper:
    """Passes everything on, but for the replies that a test wants lost."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._to_drop = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.dropped = 0

    @classmethod
    @asynccontextmanager
    async def opened(cls, target_port: int) -> AsyncIterator["ReplyDropper"]:
        """Listen on a port of its own, on this machine only."""
        dropper = cls(target_port)
        dropper._server = await asyncio.start_server(dropper._accept, "127.0.0.1", 0)
        try:
            yield dropper
        finally:
            dropper._server.close()
            for task in dropper._tasks:
                task.cancel()
            await asyncio.gather(*dropper._tasks, return_exceptions=True)

    @property
    def port(self) -> int:
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    def drop_next(self) -> None:
        """Lose the next reply, and its connection with it."""
        self._to_drop += 1

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        answers, questions = await asyncio.open_connection("127.0.0.1", self._target_port)
        asking = asyncio.create_task(_pass_on(reader, questions))
        try:
            while data := await answers.read(65536):
                if self._to_drop:
                    self._to_drop -= 1
                    self.dropped += 1
                    return
                writer.write(data)
                await writer.drain()
        finally:
            asking.cancel()
            writer.close()
            questions.close()


async def _pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while data := await source.read(65536):
            target.write(data)
            await target.drain()
