"""Requests that are passed on, to a server that says what it got."""

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from servicekit.correlation import correlated
from servicekit.errors import UnavailableError
from servicekit.forwarding import Forwarded, ForwardedAnswer, Forwarder
from servicekit.http_client import create_http_client

ECHO = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Service:
    """Answers each request with what it was, or with what `answer` says."""

    def __init__(self) -> None:
        self.url = ""
        self.calls = 0
        self.answer: Callable[[], bytes] | None = None
        self.is_free = asyncio.Event()
        self.is_free.set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                first, *lines = head.strip().split("\r\n")
                headers = [line.split(": ", 1) for line in lines]
                size = next((int(v) for k, v in headers if k.lower() == "content-length"), 0)
                body = await reader.readexactly(size)
                self.calls += 1
                await self.is_free.wait()
                seen = {"first": first, "headers": headers, "body": body.decode("latin-1")}
                payload = json.dumps(seen).encode()
                writer.write(self.answer() if self.answer else ECHO % len(payload) + payload)
                await writer.drain()
        writer.close()


@pytest.fixture
async def service() -> AsyncIterator[Service]:
    service = Service()
    server = await asyncio.start_server(service.serve, "127.0.0.1", 0)
    service.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield service
    service.is_free.set()
    server.close()


@pytest.fixture
async def forward(service: Service) -> AsyncIterator[Forwarder]:
    async with create_http_client(service.url, timeout_seconds=5) as client:
        yield Forwarder("inner", client, deadline_seconds=0.5)


def request(**values: Any) -> Forwarded:
    usual = {
        "method": "POST",
        "target": "/api/v1/things/a%2Fb?x=1&x=%20",
        "headers": [("content-type", "application/json")],
        "body": b'{"a": 1}',
        "client": "203.0.113.7",
    }
    return Forwarded(**{**usual, **values})


def seen_in(answer: ForwardedAnswer) -> tuple[str, list[tuple[str, str]], str]:
    seen = json.loads(answer.body)
    return seen["first"], [(name.lower(), value) for name, value in seen["headers"]], seen["body"]


async def test_method_target_and_body_pass_as_they_are(forward: Forwarder) -> None:
    first, headers, body = seen_in(await forward(request()))
    assert first == "POST /api/v1/things/a%2Fb?x=1&x=%20 HTTP/1.1"
    assert body == '{"a": 1}'
    assert ("content-type", "application/json") in headers


async def test_callers_credentials_pass_and_what_is_not_theirs_to_say_does_not(
    forward: Forwarder, service: Service
) -> None:
    passing = [
        ("authorization", "Bearer t"),
        ("x-api-key", "nk_1"),
        ("if-match", '"3"'),
        ("x-twilio-email-event-webhook-signature", "s"),
        ("idempotency-key", "a"),
        ("idempotency-key", "b"),
    ]
    refused = [
        ("x-service-token", "api-gateway:secret"),
        ("X-Service-Token", "api-gateway:secret"),
        ("host", "elsewhere.example"),
        ("content-length", "3"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1"),
        ("x-correlation-id", "bad value !"),
        ("accept-encoding", "gzip"),
    ]
    with correlated("corr-1"):
        _, headers, body = seen_in(await forward(request(headers=[*passing, *refused])))
    assert body == '{"a": 1}'
    for header in passing:
        assert header in headers
    names = [name for name, _ in headers]
    assert not {"x-service-token", "upgrade", "forwarded", "x-forwarded-proto"} & set(names)
    assert ("x-correlation-id", "corr-1") in headers
    assert ("x-forwarded-for", "203.0.113.7") in headers
    assert ("host", service.url.removeprefix("http://")) in headers
    assert ("accept-encoding", "identity") in headers
    for name in ("x-correlation-id", "x-forwarded-for", "host", "content-length"):
        assert names.count(name) == 1


async def test_an_answer_comes_back_whatever_it_is(forward: Forwarder, service: Service) -> None:
    packed = gzip.compress(b"teapot")
    service.answer = lambda: (
        (
            b"HTTP/1.1 418 I'm a teapot\r\nRetry-After: 7\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n"
            b"Content-Encoding: gzip\r\nServer: inner\r\nX-Correlation-ID: theirs\r\n"
            b"Keep-Alive: timeout=5\r\nContent-Length: %d\r\n\r\n" % len(packed)
        )
        + packed
    )
    answer = await forward(request())
    assert (answer.status, answer.body) == (418, b"teapot")
    assert answer.headers == [("retry-after", "7"), ("set-cookie", "a=1"), ("set-cookie", "b=2")]


@pytest.mark.parametrize("status", [301, 404, 500, 503])
async def test_a_redirect_or_an_error_is_an_answer_too(
    forward: Forwarder, service: Service, status: int
) -> None:
    service.answer = lambda: (
        b"HTTP/1.1 %d Status\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" % status
    )
    for _ in range(8):  # none of them opens the breaker
        answer = await forward(request())
        assert (answer.status, answer.headers) == (status, [("location", "/elsewhere")])


async def test_what_cannot_be_reached_is_said_and_then_left_alone(unused_tcp_port: int) -> None:
    async with create_http_client(f"http://127.0.0.1:{unused_tcp_port}", timeout_seconds=5) as http:
        forward = Forwarder("inner", http)
        for _ in range(5):
            with pytest.raises(UnavailableError, match=r"inner cannot be reached\."):
                await forward(request())
        with pytest.raises(UnavailableError, match="has not answered for a while"):
            await forward(request())


async def test_who_does_not_answer_is_asked_once_and_not_waited_for(
    forward: Forwarder, service: Service
) -> None:
    service.is_free.clear()
    begun = time.monotonic()
    with pytest.raises(UnavailableError, match="may have been done"):
        await forward(request())
    assert time.monotonic() - begun < 1
    assert service.calls == 1


async def test_a_broken_answer_is_not_asked_for_again(forward: Forwarder, service: Service) -> None:
    service.answer = lambda: b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort"
    service_answers = asyncio.create_task(forward(request()))
    with pytest.raises(UnavailableError, match="may have been done"):
        await service_answers
    assert service.calls == 1
