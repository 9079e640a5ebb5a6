"""Reads from another service, over real connections that answer, fail, hang or break."""

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from servicekit.correlation import correlated
from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.service_client import ServiceClient

UNREADABLE = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 7\r\n\r\nno gzip"
NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
HANG = b""
BREAK = None


def ok(body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


class Service:
    """Answers each request with the next of its answers, and keeps what it was sent."""

    def __init__(self, *answers: bytes | None) -> None:
        self._answers = list(answers)
        self.heads: list[str] = []
        self.bodies: list[bytes] = []
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                self.heads.append(head.decode().lower())
                length = re.search(r"content-length: (\d+)", self.heads[-1])
                self.bodies.append(await reader.readexactly(int(length[1]) if length else 0))
                answer = self._answers.pop(0)
                if answer is None:
                    break
                if not answer:
                    await asyncio.sleep(30)
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


@asynccontextmanager
async def talking_to(
    service: Service, *, deadline_seconds: float = 2.0, timeout_seconds: float = 1.0
) -> AsyncIterator[ServiceClient]:
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    http = create_http_client(
        f"http://127.0.0.1:{service.port}",
        timeout_seconds=timeout_seconds,
        service_token="api-gateway:s3cret",
    )
    async with http:
        yield ServiceClient("user-service", http, deadline_seconds=deadline_seconds)
    server.close()


async def test_hands_over_the_body_and_shows_who_asks() -> None:
    service = Service(ok(b'{"data": 1}'))
    async with talking_to(service) as client:
        with correlated("c-1"):
            assert await client.get("/api/v1/users", {"page": 2}) == {"data": 1}
    (head,) = service.heads
    assert head.startswith("get /api/v1/users?page=2 ")
    assert "\r\nx-correlation-id: c-1\r\n" in head
    assert "\r\nx-service-token: api-gateway:s3cret\r\n" in head


async def test_a_question_is_posted_and_tried_once_more_like_any_read() -> None:
    service = Service(BREAK, ok(b'{"data": 1}'))
    async with talking_to(service) as client:
        assert await client.ask("/api/v1/render", {"name": "Zoë"}) == {"data": 1}
    assert len(service.heads) == 2
    for head in service.heads:
        assert head.startswith("post /api/v1/render ")
        assert "\r\ncontent-type: application/json\r\n" in head
    assert service.bodies == ['{"name":"Zoë"}'.encode()] * 2


async def test_what_is_not_there_is_none() -> None:
    async with talking_to(Service(NOT_FOUND, NOT_FOUND)) as client:
        assert await client.get("/x") is None
        assert await client.ask("/x", {}) is None


@pytest.mark.parametrize("status", [b"500 Oops", b"401 No", b"302 Moved", b"204 Empty"])
async def test_any_other_status_is_unavailable(status: bytes) -> None:
    answer = b"HTTP/1.1 %s\r\nContent-Length: 0\r\nLocation: /y\r\n\r\n" % status
    service = Service(answer.replace(b"Content-Length: 0\r\n", b"") if b"204" in status else answer)
    async with talking_to(service) as client:
        with pytest.raises(UnavailableError, match=f"user-service answered {status[:3].decode()}"):
            await client.get("/x")
    assert len(service.heads) == 1


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b"\xff"])
async def test_a_body_that_is_no_object_is_unavailable(body: bytes) -> None:
    async with talking_to(Service(ok(body))) as client:
        with pytest.raises(UnavailableError, match="user-service answered what is no JSON object"):
            await client.get("/x")


async def test_a_body_that_is_not_encoded_as_it_says_is_unavailable() -> None:
    async with talking_to(Service(UNREADABLE)) as client:
        with pytest.raises(UnavailableError, match="user-service answered what is no JSON object"):
            await client.get("/x")


async def test_a_broken_connection_is_tried_once_more() -> None:
    service = Service(BREAK, ok(b'{"data": 2}'))
    async with talking_to(service) as client:
        assert await client.get("/x") == {"data": 2}
    assert len(service.heads) == 2


async def test_two_broken_connections_are_enough() -> None:
    service = Service(BREAK, BREAK, ok(b"{}"))
    async with talking_to(service) as client:
        with pytest.raises(UnavailableError, match="user-service does not answer"):
            await client.get("/x")
    assert len(service.heads) == 2


async def test_nobody_listening_is_unavailable_at_once() -> None:
    async with create_http_client("http://127.0.0.1:1", timeout_seconds=1) as http:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            await ServiceClient("user-service", http).get("/x")
    assert time.monotonic() - started < 1


async def test_the_deadline_holds_for_all_tries_together() -> None:
    async with talking_to(Service(HANG, HANG), deadline_seconds=0.5, timeout_seconds=0.4) as client:
        started = time.monotonic()
        with pytest.raises(UnavailableError):
            await client.get("/x")
        assert time.monotonic() - started < 0.7
