"""A TCP proxy on 127.0.0.1 that can do to a connection what networks do: lose, reset, delay, drip.

It stands between a client of ours and a server, so that a server can be away for one of its clients
while it is well. What it forwards it neither reads nor changes.
"""

import asyncio
import contextlib
import socket
import struct
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

_CHUNK_BYTES: Final = 64 * 1024
_CONNECT_SECONDS: Final = 5.0


@dataclass(frozen=True)
class Conditions:
    """What happens to connections and to what is sent over them.

    Attributes:
        forwards: False: bytes go nowhere, and wait until they may; new connections are taken.
        resets: Connections that are open are reset, and new ones at once.
        delay_seconds: Each piece is held back so long, in either direction.
        piece_bytes: At most so many bytes are passed on at once; None: whatever has come.
    """

    forwards: bool = True
    resets: bool = False
    delay_seconds: float = 0.0
    piece_bytes: int | None = None


PASSING: Final = Conditions()
BLACK_HOLE: Final = Conditions(forwards=False)
RESETTING: Final = Conditions(resets=True)


def delaying(seconds: float) -> Conditions:
    """Everything arrives, so much later."""
    return Conditions(delay_seconds=seconds)


def dripping(piece_bytes: int, seconds: float) -> Conditions:
    """Everything arrives in small pieces, with a pause of so many seconds before each."""
    return Conditions(piece_bytes=piece_bytes, delay_seconds=seconds)


class FaultProxy:
    """Forwards connections to one server, under conditions that can be changed at any time.

    Args:
        server_port: The server's port on 127.0.0.1; asked at each connection.
        monotonic: The clock of `arrivals`.
    """

    def __init__(
        self, server_port: Callable[[], int], monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._server_port = server_port
        self._monotonic = monotonic
        self._conditions = PASSING
        self._open = asyncio.Event()
        self._open.set()
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.arrivals: list[float] = []
        """When each connection came, by the clock; those that were reset as well."""

    async def start(self) -> None:
        """Listen on a free port, which is `port` from then on."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and reset what is open."""
        if self._server is not None:
            self._server.close()
        self._reset_all()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def change(self, conditions: Conditions) -> None:
        """Put other conditions in force, for open connections as well."""
        self._conditions = conditions
        if conditions.forwards:
            self._open.set()
        else:
            self._open.clear()
        if conditions.resets:
            self._reset_all()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.arrivals.append(self._monotonic())
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._writers.add(writer)
        try:
            if not self._conditions.resets:
                await self._forward(reader, writer)
        except (OSError, TimeoutError):
            pass  # one of the two ends is gone, and the other is told so below
        finally:
            _reset(writer)
            self._writers.discard(writer)
            self._tasks.discard(task)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._open.wait()
        async with asyncio.timeout(_CONNECT_SECONDS):
            beyond = await asyncio.open_connection("127.0.0.1", self._server_port())
        self._writers.add(beyond[1])
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pump(reader, beyond[1]))
                group.create_task(self._pump(beyond[0], writer))
        except* OSError:
            pass  # reset by one end
        finally:
            self._writers.discard(beyond[1])
            _reset(beyond[1])

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(_CHUNK_BYTES):
            while data:
                await self._open.wait()
                conditions = self._conditions
                if conditions.delay_seconds:
                    await asyncio.sleep(conditions.delay_seconds)
                size = conditions.piece_bytes or len(data)
                writer.write(data[:size])
                data = data[size:]
                await writer.drain()
        await self._open.wait()
        if writer.can_write_eof():
            writer.write_eof()

    def _reset_all(self) -> None:
        for writer in self._writers:
            _reset(writer)


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST where that is possible, so that the other end learns of it at once."""
    if not writer.is_closing():
        connection = writer.get_extra_info("socket")
        with contextlib.suppress(OSError):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
