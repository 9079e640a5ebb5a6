"""Serves one ASGI app on plain HTTP and on TLS with HTTP/2, in the caller's event loop.

Hypercorn speaks the protocols; its own `serve` is not used because a connection must be reachable
from a request, so that a request can end without an answer.
"""

import asyncio
import socket
import ssl
from functools import partial
from http import HTTPStatus
from pathlib import Path

from h2.errors import ErrorCodes
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.asyncio.tcp_server import TCPServer
from hypercorn.asyncio.worker_context import WorkerContext
from hypercorn.config import Config
from hypercorn.events import RawData
from hypercorn.protocol.events import StreamClosed
from hypercorn.protocol.h2 import H2Protocol
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from devstack.sandbox.web.connection import DROP_KEY, SEND_SLOWLY_KEY

GRACE_SECONDS = 0.5


class HttpServer:
    """All HTTP connections of the process."""

    def __init__(self, app: ASGIApp, certificate: Path, key: Path) -> None:
        self._app = app
        self._config = Config()
        self._config.certfile = str(certificate)
        self._config.keyfile = str(key)
        self._config.include_server_header = False
        self._config.h2_max_concurrent_streams = 1000
        self._config.keep_alive_timeout = 75.0
        self._config.keep_alive_max_requests = 2**31  # FCM clients keep one connection for hours
        self._context = WorkerContext(None)
        self._servers: list[asyncio.Server] = []
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def listen(self, sock: socket.socket, *, tls: bool) -> None:
        """Accept connections on a bound socket."""
        context: ssl.SSLContext | None = self._config.create_ssl_context() if tls else None
        server = await asyncio.start_server(self._connected, sock=sock, ssl=context, backlog=1024)
        self._servers.append(server)

    async def close(self) -> None:
        """Stop accepting, let requests finish for half a second, then cut them off."""
        await self._context.terminated.set()
        for server in self._servers:
            server.close()
        if self._connections:
            _, late = await asyncio.wait(self._connections, timeout=GRACE_SECONDS)
            for task in late:
                self._connections[task].transport.abort()  # or hypercorn would answer 500
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)
        connection = _Connection(self._app, writer)
        server = TCPServer(
            ASGIWrapper(connection),  # type: ignore[arg-type]  # hypercorn's own ASGI types
            asyncio.get_running_loop(),
            self._config,
            self._context,
            {},  # no lifespan, so no state
            reader,
            writer,
        )
        connection.server = server
        await server.run()


class _Connection:
    """The app as one connection sees it: every request learns how to end itself badly."""

    server: TCPServer

    def __init__(self, app: ASGIApp, writer: asyncio.StreamWriter) -> None:
        self._app = app
        self._writer = writer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[DROP_KEY] = partial(self._drop, scope)
        scope[SEND_SLOWLY_KEY] = self._send_slowly
        await self._app(scope, receive, send)

    async def _drop(self, scope: Scope) -> None:
        protocol = self.server.protocol.protocol
        if not isinstance(protocol, H2Protocol):
            if (stream := protocol.stream) is not None:
                stream.closed = True  # or hypercorn would answer 500 for us
            self._writer.transport.abort()
            return
        for stream_id, stream in list(protocol.streams.items()):
            if stream.scope is scope:
                protocol.connection.reset_stream(stream_id, ErrorCodes.INTERNAL_ERROR)
                await self.server.protocol_send(RawData(protocol.connection.data_to_send()))
                await protocol.stream_send(StreamClosed(stream_id))

    async def _send_slowly(self, answer: Response, seconds: float) -> bool:
        protocol = self.server.protocol.protocol
        if isinstance(protocol, H2Protocol):
            return False
        if (stream := protocol.stream) is not None:
            stream.closed = True  # hypercorn has nothing more to say
        phrase = HTTPStatus(answer.status_code).phrase
        head = [f"HTTP/1.1 {answer.status_code} {phrase}".encode(), b"connection: close"]
        head += [name + b": " + value for name, value in answer.raw_headers]
        whole = b"\r\n".join([*head, b"", bytes(answer.body)])
        for number in range(len(whole)):
            self._writer.write(whole[number : number + 1])
            await self._writer.drain()
            await asyncio.sleep(seconds)
        self._writer.close()
        return True
