"""What another service owns: fresh copies first, the owner then, and stale copies at last."""

import asyncio
import json
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import uuid4

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis
from structlog.testing import capture_logs

from contracts.access import ApiKeyRecord, Scope
from contracts.cache_keys import api_key_key
from servicekit.cached_directory import CachedDirectory
from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.redis import create_redis
from servicekit.remote_api_keys import RemoteApiKeys
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import HARD_SECONDS, SOFT_SECONDS, Cached, VersionedCache


class Row(BaseModel):
    name: str
    version: int = 1
    text: str = ""


Rows = CachedDirectory[str, Row]
MakeRows = Callable[..., Rows]


def path_of(name: str) -> str:
    return f"/rows/{name}/snapshot"


class Owner:
    """Answers each path with what `answers` has for it, else with 404; counts what is asked."""

    def __init__(self) -> None:
        self.answers: dict[str, tuple[int, object]] = {}
        self.asked: Counter[str] = Counter()
        self.url = ""

    def has(self, path: str, model: BaseModel) -> None:
        self.answers[path] = (200, {"success": True, "data": model.model_dump(mode="json")})

    def has_row(self, row: Row) -> Row:
        self.has(path_of(row.name), row)
        return row

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1].decode()
                self.asked[path] += 1
                status, body = self.answers.get(path, (404, {"success": False}))
                payload = body if isinstance(body, bytes) else json.dumps(body).encode()
                writer.write(
                    b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (status, len(payload))
                )
                writer.write(payload)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    owner = Owner()
    server = await asyncio.start_server(owner.serve, "127.0.0.1", 0)
    owner.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield owner
    server.close()


@pytest.fixture
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    redis = create_redis(redis_url, name="tests")
    yield redis
    await redis.aclose()


@pytest.fixture
async def service_at() -> AsyncIterator[Callable[[str], ServiceClient]]:
    clients = []

    def at(url: str) -> ServiceClient:
        clients.append(create_http_client(url, timeout_seconds=1.0))
        return ServiceClient("owner", clients[-1])

    yield at
    for client in clients:
        await client.aclose()


@pytest.fixture
def make_rows(owner: Owner, redis: "Redis", service_at: Callable[[str], ServiceClient]) -> MakeRows:
    """A directory of rows; `url` names another owner, `later` is how many seconds have passed."""

    def make(url: str | None = None, later: float = 0, cache_in: "Redis | None" = None) -> Rows:
        return CachedDirectory(
            cache=VersionedCache(
                cache_in if cache_in is not None else redis, Row, now=lambda: time.time() + later
            ),
            service=service_at(url or owner.url),
            model=Row,
            cache_key=key_of,
            path="/rows/{}/snapshot",
            version_of=lambda found: found.version,
        )

    return make


def key_of(name: str) -> str:
    return f"row:{name}"


def row(**changes: Any) -> Row:
    return Row.model_validate({"name": secrets.token_hex(8), **changes})


@pytest.fixture
def known(owner: Owner) -> Row:
    return owner.has_row(row())


@pytest.fixture
def away(unused_tcp_port: int) -> str:
    return f"http://127.0.0.1:{unused_tcp_port}"


async def test_asks_the_owner_once_and_then_redis(
    make_rows: MakeRows, owner: Owner, known: Row
) -> None:
    rows = make_rows()
    assert [await rows.find(known.name) for _ in range(3)] == [known] * 3
    assert owner.asked[path_of(known.name)] == 1


async def test_a_stale_copy_is_fetched_anew(make_rows: MakeRows, owner: Owner, known: Row) -> None:
    await make_rows().find(known.name)
    newer = owner.has_row(known.model_copy(update={"version": 2, "text": "new"}))
    assert await make_rows().find(known.name) == known
    assert await make_rows(later=SOFT_SECONDS + 1).find(known.name) == newer
    assert await make_rows().find(known.name) == newer


async def test_a_stale_copy_serves_while_the_owner_is_away(
    make_rows: MakeRows, known: Row, away: str
) -> None:
    await make_rows().find(known.name)
    rows = make_rows(url=away, later=SOFT_SECONDS + 1)
    with capture_logs() as lines:
        assert await rows.find(known.name) == known
    assert [line["event"] for line in lines] == ["directory.stale_copy_used"]


async def test_a_stale_copy_serves_while_the_owner_takes_its_time(
    make_rows: MakeRows, known: Row
) -> None:
    answered = asyncio.Event()

    async def take_time(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        await asyncio.sleep(0.6)
        body = json.dumps({"data": known.model_copy(update={"version": 2}).model_dump()}).encode()
        writer.write(b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        answered.set()

    server = await asyncio.start_server(take_time, "127.0.0.1", 0)
    await make_rows().find(known.name)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    slow = make_rows(url=url, later=SOFT_SECONDS + 1)
    began = time.monotonic()
    assert await slow.find_copy(known.name) == Cached(known, is_stale=True)
    assert time.monotonic() - began < 0.5
    # Who asked goes on without it; what the owner says in the end is there for the next.
    await answered.wait()
    await asyncio.sleep(0.1)
    newer = await make_rows().find(known.name)
    assert newer is not None
    assert newer.version == 2
    server.close()


async def test_a_copy_says_whether_it_is_stale_because_the_owner_is_away(
    make_rows: MakeRows, owner: Owner, known: Row, away: str
) -> None:
    asked, fresh = [await make_rows().find_copy(known.name) for _ in range(2)]
    assert asked == fresh == Cached(known, is_stale=False)
    newer = owner.has_row(known.model_copy(update={"version": 2}))
    lonely = make_rows(url=away, later=SOFT_SECONDS + 1)
    assert await lonely.find_copy(known.name) == Cached(known, is_stale=True)
    reached = make_rows(later=SOFT_SECONDS + 1)
    assert await reached.find_copy(known.name) == Cached(newer, is_stale=False)
    assert await reached.find_copy("nobody") is None


async def test_without_a_copy_and_an_owner_it_cannot_be_said(
    make_rows: MakeRows, away: str
) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        await make_rows(url=away).find("nobody")


async def test_what_the_owner_does_not_know_is_nothing_and_is_not_remembered(
    make_rows: MakeRows, owner: Owner
) -> None:
    stranger, rows = row(), make_rows()
    assert await rows.find(stranger.name) is None
    owner.has_row(stranger)
    assert await rows.find(stranger.name) == stranger


async def test_without_redis_the_owner_is_asked_each_time(
    make_rows: MakeRows, owner: Owner, known: Row, unused_tcp_port: int
) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    rows = make_rows(cache_in=redis)
    assert [await rows.find(known.name) for _ in range(2)] == [known] * 2
    assert owner.asked[path_of(known.name)] == 2
    await redis.aclose()


async def test_a_key_stays_one_segment_of_the_path(make_rows: MakeRows, owner: Owner) -> None:
    assert await make_rows().find("a/b?c#d%2f") is None
    assert list(owner.asked) == ["/rows/a%2Fb%3Fc%23d%252f/snapshot"]


NONSENSE = [
    (500, {"success": False}),
    (200, {"success": True}),
    (200, {"success": True, "data": None}),
    (200, {"success": True, "data": {"name": 5}}),
    (200, ["not", "an", "envelope"]),
    (200, b"<html>a proxy's page</html>"),
    (401, {"success": False}),
    (302, {}),
]


@pytest.mark.parametrize("answer", NONSENSE)
async def test_an_owner_that_answers_nonsense_counts_as_away(
    make_rows: MakeRows, owner: Owner, answer: tuple[int, Any]
) -> None:
    asked = row()
    owner.answers[path_of(asked.name)] = answer
    with pytest.raises(UnavailableError):
        await make_rows().find(asked.name)
    owner.has_row(asked)
    await make_rows().find(asked.name)
    owner.answers[path_of(asked.name)] = answer
    assert await make_rows(later=SOFT_SECONDS + 1).find(asked.name) == asked


@pytest.mark.parametrize("body", ['{"of": "another version"}', "not json"])
async def test_a_copy_that_cannot_be_read_is_replaced(
    make_rows: MakeRows, redis: "Redis", known: Row, body: str
) -> None:
    key = key_of(known.name)
    await redis.hset(key, mapping={"version": 1, "body": body, "stored_at": time.time()})
    await redis.expire(key, HARD_SECONDS)
    with capture_logs() as lines:
        assert await make_rows().find(known.name) == known
    assert [line["log_level"] for line in lines] == ["warning"]
    with capture_logs() as lines:
        assert await make_rows().find(known.name) == known
    assert lines == []


class Keys:
    """One API key at its owner's, and how we see it."""

    def __init__(self, owner: Owner, redis: "Redis", service: ServiceClient) -> None:
        self.owner = owner
        self.digest = secrets.token_hex(32)
        self.path = f"/api/v1/api-keys/by-digest/{self.digest}"
        self.record = ApiKeyRecord(
            id=uuid4(),
            name="shop",
            version=1,
            scopes=frozenset({Scope.NOTIFICATIONS_SEND}),
            is_active=True,
        )
        self.seconds = 0.0
        self.remote = RemoteApiKeys(redis, service, monotonic=lambda: self.seconds)
        self._redis = redis

    async def remember(self, *, seconds_ago: float) -> None:
        await self.cache(seconds_ago).put(api_key_key(self.digest), 1, self.record)

    def cache(self, seconds_ago: float = 0) -> VersionedCache[ApiKeyRecord]:
        return VersionedCache(
            self._redis, ApiKeyRecord, hard_seconds=600, now=lambda: time.time() - seconds_ago
        )


@pytest.fixture
def keys(owner: Owner, redis: "Redis", service_at: Callable[[str], ServiceClient]) -> Keys:
    return Keys(owner, redis, service_at(owner.url))


async def test_an_api_key_is_asked_for_once_and_unknown_ones_each_time(keys: Keys) -> None:
    assert await keys.remote.find(keys.digest) is None
    keys.owner.has(keys.path, keys.record)
    assert [await keys.remote.find(keys.digest) for _ in range(3)] == [keys.record] * 3
    assert keys.owner.asked[keys.path] == 2


@pytest.mark.parametrize("answer", NONSENSE)
async def test_nonsense_about_an_api_key_counts_as_user_service_being_away(
    keys: Keys, answer: tuple[int, Any]
) -> None:
    keys.owner.answers[keys.path] = answer
    with pytest.raises(UnavailableError):
        await keys.remote.find(keys.digest)
    await keys.remember(seconds_ago=61)
    assert await keys.remote.find(keys.digest) == keys.record
    assert keys.owner.asked[keys.path] >= 2


async def test_a_copy_of_an_api_key_is_fresh_for_a_minute(keys: Keys) -> None:
    await keys.remember(seconds_ago=50)
    assert await keys.remote.find(keys.digest) == keys.record
    assert keys.owner.asked[keys.path] == 0
    await keys.remember(seconds_ago=61)
    keys.seconds += 1
    assert await keys.remote.find(keys.digest) is None


async def test_a_revocation_is_in_force_a_second_after_user_service_wrote_it(keys: Keys) -> None:
    await keys.remember(seconds_ago=0)
    assert await keys.remote.find(keys.digest) == keys.record
    revoked = keys.record.model_copy(update={"version": 2, "is_active": False})
    await keys.cache().put(api_key_key(keys.digest), 2, revoked)
    keys.seconds += 0.99
    assert await keys.remote.find(keys.digest) == keys.record
    keys.seconds += 0.01
    assert await keys.remote.find(keys.digest) == revoked
