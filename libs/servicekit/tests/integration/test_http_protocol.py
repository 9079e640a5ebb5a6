"""What a client can do to a server below the level of requests; over real sockets."""

import asyncio
import json
import resource
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
from fastapi import FastAPI

from servicekit.app import MAX_BODY_BYTES, create_app
from servicekit.http_protocol import MAX_DISCARDED_BYTES, MAX_HEAD_BYTES, BoundedHttpProtocol
from servicekit.metrics import Metrics

SHORT = 0.3
MEGABYTE = 1024 * 1024


class ImpatientProtocol(BoundedHttpProtocol):
    """Waits a moment only."""

    arrival_seconds = SHORT


@asynccontextmanager
async def no_lifespan(_: FastAPI) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def serving(protocol: type[BoundedHttpProtocol]) -> AsyncIterator[int]:
    app = create_app(
        service="test",
        version="1",
        description="",
        checks={},
        metrics=Metrics(),
        lifespan=no_lifespan,
    )
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, http=protocol, ws="none", log_config=None))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@pytest.fixture
async def port() -> AsyncIterator[int]:
    async with serving(BoundedHttpProtocol) as number:
        yield number


async def exchange(port: int, *pieces: bytes, end: bool = False) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
        if end:
            writer.write_eof()
        async with asyncio.timeout(10):
            return await reader.read()
    except ConnectionError:
        return b""
    finally:
        writer.close()


def envelope_of(answer: bytes, status: int) -> dict[str, Any]:
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(f"HTTP/1.1 {status} ".encode()), answer
    assert b"X-Correlation-ID: " in head
    envelope: dict[str, Any] = json.loads(body)
    assert envelope["success"] is False
    return envelope


async def test_a_head_without_end_is_refused_early(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"GET /health HTTP/1.1\r\nHost: x\r\nX: ")
    sent = 0
    try:
        while sent < 50 * MEGABYTE and not writer.is_closing():
            writer.write(b"a" * MAX_HEAD_BYTES)
            await writer.drain()
            sent += MAX_HEAD_BYTES
    except ConnectionError:
        pass
    assert sent < 20 * MEGABYTE  # what fits into the sockets' buffers meanwhile
    assert not reader.exception() or isinstance(reader.exception(), ConnectionError)
    writer.close()


async def test_a_gigabyte_in_chunks_comes_to_an_early_end(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    answer = asyncio.create_task(reader.readuntil(b"\r\n\r\n"))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    writer.write(b"POST /nothing HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    sent = 0
    try:
        while sent < 1024 * MEGABYTE and not writer.is_closing():
            writer.write(b"10000\r\n" + b"a" * 0x10000 + b"\r\n")
            await writer.drain()
            sent += 0x10000
    except ConnectionError:
        pass
    assert (await answer).startswith(b"HTTP/1.1 413 ")
    assert time.perf_counter() - started < 5
    assert sent < MAX_DISCARDED_BYTES + 20 * MEGABYTE  # what fits into the sockets' buffers
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory < 32 * 1024  # KiB
    writer.close()


async def test_a_connection_outlives_a_body_that_is_a_little_too_large(port: int) -> None:
    body = b"a" * (MAX_BODY_BYTES + 1)
    head = f"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    for _ in range(MAX_DISCARDED_BYTES // MAX_BODY_BYTES + 2):
        writer.write(head + body)
        answer = await reader.readuntil(b"\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 413 ")
        length = int(answer.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
        await reader.readexactly(length)
    writer.close()


async def test_many_small_headers_are_bounded_as_well(port: int) -> None:
    head = b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"a: b\r\n" * (MAX_HEAD_BYTES // 6 + 10)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head)
    async with asyncio.timeout(5):
        answer = await reader.read()
    assert envelope_of(answer, 431)["error"] == "payload_too_large"
    writer.close()


async def test_a_large_body_behind_a_small_head_is_no_large_head(port: int) -> None:
    body = b" " * (MAX_HEAD_BYTES * 2)
    head = f"POST /nothing HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n".encode()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + body)
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"HTTP/1.1 404 ")
    writer.close()


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"FOO / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: y\r\n\r\n",
        b"what is this\r\n\r\n",
    ],
)
async def test_what_is_not_http_is_answered_with_the_envelope(
    port: int, request_bytes: bytes
) -> None:
    assert envelope_of(await exchange(port, request_bytes), 400)["error"] == "malformed_request"


async def test_a_request_that_does_not_arrive_is_given_up() -> None:
    async with serving(ImpatientProtocol) as port:
        answer = await exchange(port, b"GET /health HTTP/1.1\r\nHost: x\r\n")
        assert envelope_of(answer, 408)
        body_missing = b"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc"
        started = asyncio.get_running_loop().time()
        await exchange(port, body_missing)
        assert asyncio.get_running_loop().time() - started < 5


async def test_a_kept_connection_may_be_idle_and_serves_many_requests() -> None:
    request = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    async with serving(ImpatientProtocol) as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in range(3):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
            await reader.readexactly(length)
            await asyncio.sleep(2 * SHORT)
        writer.close()


async def test_a_websocket_is_not_spoken(port: int) -> None:
    answer = await exchange(
        port,
        b"GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
        end=True,
    )
    assert answer.startswith(b"HTTP/1.1 404 ")
