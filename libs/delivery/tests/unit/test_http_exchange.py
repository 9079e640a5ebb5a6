"""A POST and every way in which it can break."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest

from delivery.http_exchange import AnswerLostError, NotSentError, post

NOT_SENT = {httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout}
CANNOT_HAPPEN = {
    httpx.DecodingError,  # bodies are read raw
    httpx.TooManyRedirects,  # none is followed
}


def leaves(kind: type[Exception]) -> Iterator[type[Exception]]:
    for child in kind.__subclasses__():
        yield from leaves(child)
    if not kind.__subclasses__():
        yield kind


@pytest.mark.parametrize("kind", sorted(set(leaves(httpx.RequestError)) - CANNOT_HAPPEN, key=str))
async def test_every_transport_error_is_told_apart(kind: type[httpx.RequestError]) -> None:
    def fail(request: httpx.Request) -> httpx.Response:
        raise kind("broken", request=request)

    async with httpx.AsyncClient(transport=httpx.MockTransport(fail)) as client:
        with pytest.raises(NotSentError if kind in NOT_SENT else AnswerLostError, match="broken"):
            await post(
                client,
                "http://provider.test/",
                b"{}",
                headers={},
                timeout_seconds=5,
                connect_seconds=1,
            )


async def test_an_answer_without_end_is_cut_off() -> None:
    async def flood() -> AsyncIterator[bytes]:
        while True:
            yield b"x" * 10_000

    def answer_with_flood(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=flood())

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer_with_flood)) as client:
        answer = await post(
            client, "http://provider.test/", b"{}", headers={}, timeout_seconds=5, connect_seconds=1
        )
    assert answer.body == b"x" * 65_536


async def test_an_answer_that_drips_is_an_answer_once_its_status_has_come() -> None:
    async def drip() -> AsyncIterator[bytes]:
        while True:
            yield b"x"
            await asyncio.sleep(0.02)

    def answer_slowly(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=drip())

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer_slowly)) as client:
        answer = await post(
            client,
            "http://provider.test/",
            b"{}",
            headers={},
            timeout_seconds=0.1,
            connect_seconds=0.1,
        )
    assert (answer.status, answer.body) == (200, None)
