"""How much a body may hold, by path, declared or not."""

import json
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from fastapi import FastAPI

from servicekit.app import MAX_BODY_BYTES

THINGS = "/api/v1/things"
JSON = {"Content-Type": "application/json"}
PART = 16_384
MakeApp = Callable[..., FastAPI]
ConnectTo = Callable[[FastAPI], httpx.AsyncClient]


def thing(size: int) -> bytes:
    frame = json.dumps({"name": "", "amount": 1})
    return frame.replace('""', '"' + "x" * (size - len(frame)) + '"').encode()


async def in_parts(body: bytes, size: int = PART) -> AsyncIterator[bytes]:
    for start in range(0, len(body), size):
        yield body[start : start + size]


def refusal(limit: int) -> dict[str, object]:
    message = f"The body is larger than {limit} bytes."
    return {
        "success": False, "message": message, "data": None, "error": "payload_too_large",
        "meta": None,
    }  # fmt: skip


async def test_a_body_declared_too_large_is_413_and_not_read(client: httpx.AsyncClient) -> None:
    answer = await client.post(THINGS, content=b"x" * (MAX_BODY_BYTES + 1), headers=JSON)
    assert answer.status_code == 413
    assert answer.json() == refusal(MAX_BODY_BYTES)
    assert "X-Correlation-ID" in answer.headers


async def test_a_body_that_grows_too_large_is_413_and_read_no_further(
    client: httpx.AsyncClient,
) -> None:
    sent = 0

    async def chunks() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(1000):
            sent += 1
            yield b"x" * PART

    answer = await client.post(THINGS, content=chunks(), headers=JSON)
    assert answer.status_code == 413
    assert answer.json() == refusal(MAX_BODY_BYTES)
    assert sent == MAX_BODY_BYTES // PART + 1


@pytest.mark.parametrize("larger", [False, True])
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("path", [THINGS, f"{THINGS}/"])
async def test_a_body_of_exactly_the_paths_limit_is_read_and_not_a_byte_more(
    path: str, chunked: bool, larger: bool, make_app: MakeApp, connect_to: ConnectTo
) -> None:
    limit = 5 * 1024 * 1024 if larger else MAX_BODY_BYTES
    larger_bodies = {"/things" if larger else "/things/error": 5 * 1024 * 1024}
    async with connect_to(make_app(larger_bodies=larger_bodies)) as client:
        for size, status in ((limit, 200), (limit + 1, 413)):
            body = thing(size)
            assert len(body) == size
            content = in_parts(body) if chunked else body
            answer = await client.post(path, content=content, headers=JSON)
            assert answer.status_code == status
    assert answer.json() == refusal(limit)


async def test_a_body_in_the_tiniest_parts_is_put_together(client: httpx.AsyncClient) -> None:
    answer = await client.post(THINGS, content=in_parts(thing(5_000), size=1), headers=JSON)
    assert answer.json()["data"] == {"name": json.loads(thing(5_000))["name"], "amount": 1}


def test_a_larger_body_for_a_path_that_is_none_stops_the_build(make_app: MakeApp) -> None:
    with pytest.raises(ValueError, match="/api/v1/thing'"):
        make_app(larger_bodies={"/thing": 1})
