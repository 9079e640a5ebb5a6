"""Many of what another service owns: one question to Redis, one to the owner for the rest."""

import asyncio
import json
import re
import secrets
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable

import pytest
from pydantic import BaseModel
from redis.asyncio import Redis

from servicekit.bulk_directory import BulkDirectory, CopiesMissingError
from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.metrics import Metrics
from servicekit.redis import create_redis
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import HARD_SECONDS, SOFT_SECONDS, Cached, VersionedCache

MOST_AT_ONCE = 50


class Row(BaseModel):
    name: str
    version: int = 1
    text: str = ""


class Question(BaseModel):
    names: list[str]


class Owner:
    """Answers `/rows/<name>` and a POST to `/rows`; is silent while it `is_held`."""

    def __init__(self) -> None:
        self.rows: dict[str, Row] = {}
        self.asked: Counter[str] = Counter()
        self.questions: list[list[str]] = []
        self.answer: bytes | None = None
        self.is_free = asyncio.Event()
        self.is_free.set()
        self.is_asked = asyncio.Event()
        self.port = 0

    def has(self, *names: str, version: int = 1) -> dict[str, Row]:
        """Rows with these names; those that this call has made."""
        made = {name: Row(name=name, version=version, text="t" * 50) for name in names}
        self.rows |= made
        return made

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"(?i)content-length: (\d+)", head)
                body = await reader.readexactly(int(length[1]) if length else 0)
                answer = self._answer(head.split(b" ", 2)[1].decode(), body)
                self.is_asked.set()
                await self.is_free.wait()
                writer.write(answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.transport.abort()

    def _answer(self, path: str, body: bytes) -> bytes:
        self.asked[path] += 1
        data: object
        if body:
            names = json.loads(body)["names"]
            self.questions.append(names)
            data = [self.rows[name].model_dump() for name in set(names) if name in self.rows]
        else:
            row = self.rows.get(path.removeprefix("/rows/"))
            if row is None:
                return b"HTTP/1.1 404 X\r\nContent-Length: 0\r\n\r\n"
            data = row.model_dump()
        content = self.answer or json.dumps({"data": data}).encode()
        return b"HTTP/1.1 200 X\r\nContent-Length: %d\r\n\r\n%s" % (len(content), content)


@pytest.fixture
async def owner() -> AsyncIterator[Owner]:
    owner = Owner()
    server = await asyncio.start_server(owner.serve, "127.0.0.1", 0)
    owner.port = server.sockets[0].getsockname()[1]
    yield owner
    owner.is_free.set()
    server.close()


@pytest.fixture
async def redis(redis_url: str) -> "AsyncIterator[Redis]":
    redis = create_redis(redis_url, name="tests")
    yield redis
    await redis.aclose()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


Rows = BulkDirectory[str, Row]
MakeRows = Callable[..., Rows]


def key_of(name: str) -> str:
    return f"row:{name}"


@pytest.fixture
async def make_rows(owner: Owner, redis: "Redis", metrics: Metrics) -> AsyncIterator[MakeRows]:
    """A directory of rows; `port` is another owner's, `later` so many seconds have passed."""
    clients = []

    def make(port: int | None = None, later: float = 0, cache_in: "Redis | None" = None) -> Rows:
        clients.append(
            create_http_client(f"http://127.0.0.1:{port or owner.port}", timeout_seconds=1.0)
        )
        return BulkDirectory(
            cache=VersionedCache(
                cache_in if cache_in is not None else redis, Row, now=lambda: time.time() + later
            ),
            service=ServiceClient("owner", clients[-1]),
            model=Row,
            cache_key=key_of,
            path="/rows/{}",
            version_of=lambda row: row.version,
            many_path="/rows",
            question_of=lambda names: Question(names=list(names)),
            most_at_once=MOST_AT_ONCE,
            key_of=lambda row: row.name,
            metrics=metrics,
        )

    yield make
    for client in clients:
        await client.aclose()


def names(count: int) -> list[str]:
    return [secrets.token_hex(8) for _ in range(count)]


def fresh(rows: dict[str, Row]) -> dict[str, Cached[Row]]:
    return {name: Cached(row, is_stale=False) for name, row in rows.items()}


def stale(rows: dict[str, Row]) -> dict[str, Cached[Row]]:
    return {name: Cached(row, is_stale=True) for name, row in rows.items()}


async def test_the_owner_is_asked_once_for_all_that_redis_has_not(
    make_rows: MakeRows, owner: Owner
) -> None:
    asked, unknown = names(5), names(1)
    known = owner.has(*asked)
    rows = make_rows()
    await rows.find_many(asked[:2])
    assert await rows.find_many([*asked, *unknown, asked[0]]) == fresh(known)
    assert owner.questions == [asked[:2], [*asked[2:], *unknown]]
    assert await rows.find_many(asked) == fresh(known)
    assert len(owner.questions) == 2
    assert await rows.find_many([]) == {}


async def test_what_does_not_exist_is_not_remembered(make_rows: MakeRows, owner: Owner) -> None:
    [name] = names(1)
    rows = make_rows()
    assert await rows.find_many([name]) == {}
    assert await rows.find_many([name]) == fresh({}) == {}
    known = owner.has(name)
    assert await rows.find_many([name]) == fresh(known)


async def test_what_was_found_together_is_found_alone_and_the_other_way_round(
    make_rows: MakeRows, owner: Owner
) -> None:
    one, other = names(2)
    known = owner.has(one, other)
    await make_rows().find_many([one])
    assert await make_rows().find(one) == known[one]
    await make_rows().find(other)
    assert await make_rows().find_many([one, other]) == fresh(known)
    assert owner.asked == {"/rows": 1, f"/rows/{other}": 1}


async def test_stale_copies_are_fetched_anew_with_what_is_missing(
    make_rows: MakeRows, owner: Owner
) -> None:
    old, gone, new = names(3)
    owner.has(old, gone)
    await make_rows().find_many([old, gone])
    del owner.rows[gone]
    known = owner.has(old, new, version=2)
    rows = make_rows(later=SOFT_SECONDS + 1)
    assert await rows.find_many([old, gone, new]) == fresh(known)
    assert owner.questions[-1] == [old, gone, new]
    assert await rows.find_many([old, new]) == fresh(known)
    assert len(owner.questions) == 2


async def test_an_older_answer_does_not_replace_a_newer_copy(
    make_rows: MakeRows, owner: Owner, redis: "Redis"
) -> None:
    [name] = names(1)
    owner.has(name)
    owner.is_free.clear()
    reading = asyncio.create_task(make_rows().find_many([name]))
    await asyncio.wait_for(owner.is_asked.wait(), 5)
    newer = Row(name=name, version=2)
    await VersionedCache(redis, Row).put(key_of(name), 2, newer)
    owner.is_free.set()
    await reading
    assert await make_rows().find_many([name]) == fresh({name: newer})


async def test_stale_copies_serve_and_are_counted_while_the_owner_is_away(
    make_rows: MakeRows, owner: Owner, unused_tcp_port: int, metrics: Metrics
) -> None:
    asked = names(3)
    known = owner.has(*asked)
    await make_rows().find_many(asked)
    rows = make_rows(unused_tcp_port, later=SOFT_SECONDS + 1)
    assert await rows.find_many(asked) == stale(known)
    assert await rows.find_copy(asked[0]) == Cached(known[asked[0]], is_stale=True)
    count = metrics.registry.get_sample_value("cache_stale_copies_used_total", {"kind": "Row"})
    assert count == 4


async def test_fresh_copies_need_no_owner(
    make_rows: MakeRows, owner: Owner, unused_tcp_port: int
) -> None:
    asked = names(3)
    known = owner.has(*asked)
    await make_rows().find_many(asked)
    rows = make_rows(unused_tcp_port, later=SOFT_SECONDS - 1)
    assert await rows.find_many(asked) == fresh(known)


async def test_without_owner_and_copy_it_cannot_be_said_and_the_keys_are_named(
    make_rows: MakeRows, owner: Owner, unused_tcp_port: int
) -> None:
    asked, others = names(3), names(2)
    known = owner.has(*asked)
    await make_rows().find_many(asked)
    rows = make_rows(unused_tcp_port, later=SOFT_SECONDS + 1)
    with pytest.raises(CopiesMissingError, match="owner does not answer") as caught:
        await rows.find_many([*asked, *others])
    assert caught.value.keys == frozenset(others)
    assert int(caught.value.headers["Retry-After"]) > 0
    assert await rows.find_many(set(asked) - caught.value.keys) == stale(known)


async def test_a_copy_that_is_a_day_old_is_gone(
    make_rows: MakeRows, owner: Owner, redis: "Redis", unused_tcp_port: int
) -> None:
    [name] = names(1)
    owner.has(name)
    await make_rows().find_many([name])
    assert HARD_SECONDS - 5 < await redis.ttl(key_of(name)) <= HARD_SECONDS == 24 * 3600
    await redis.delete(key_of(name))  # as Redis does by itself then
    with pytest.raises(CopiesMissingError):
        await make_rows(unused_tcp_port).find_many([name])


async def test_without_redis_the_owner_is_asked_for_all(
    make_rows: MakeRows, owner: Owner, unused_tcp_port: int
) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    asked = names(3)
    known = owner.has(*asked)
    rows = make_rows(cache_in=redis)
    for _ in range(2):
        assert await rows.find_many(asked) == fresh(known)
    assert owner.questions == [asked, asked]
    await redis.aclose()


async def test_more_than_a_question_takes_are_asked_in_several(
    make_rows: MakeRows, owner: Owner, redis: "Redis"
) -> None:
    asked = names(2 * MOST_AT_ONCE + 1)
    known = owner.has(*asked)
    rows = make_rows()
    assert await rows.find_many(asked) == fresh(known)
    assert [len(question) for question in owner.questions] == [MOST_AT_ONCE, MOST_AT_ONCE, 1]
    assert await rows.find_many(asked) == fresh(known)
    assert len(owner.questions) == 3
    await redis.delete(*map(key_of, asked))


async def test_an_answer_about_what_was_not_asked_is_not_believed(
    make_rows: MakeRows, owner: Owner
) -> None:
    name, other = names(2)
    owner.answer = json.dumps({"data": [{"name": other}]}).encode()
    assert await make_rows().find_many([name]) == {}
    owner.answer = None
    assert await make_rows().find_many([other]) == {}


@pytest.mark.parametrize(
    "answer", [b"[]", b'{"data": null}', b'{"data": {}}', b'{"data": [{"name": 5}]}', b"<html>"]
)
async def test_an_owner_that_answers_nonsense_counts_as_away(
    make_rows: MakeRows, owner: Owner, answer: bytes
) -> None:
    [name] = names(1)
    owner.answer = answer
    with pytest.raises(CopiesMissingError):
        await make_rows().find_many([name])
    owner.answer = None
    known = owner.has(name)
    await make_rows().find_many([name])
    owner.answer = answer
    assert await make_rows(later=SOFT_SECONDS + 1).find_many([name]) == stale(known)


async def test_who_look_for_the_same_at_once_ask_the_owner_once(
    make_rows: MakeRows, owner: Owner
) -> None:
    [name] = names(1)
    known = owner.has(name)
    rows = make_rows()
    owner.is_free.clear()
    looking = [asyncio.create_task(rows.find(name)) for _ in range(100)]
    await asyncio.wait_for(owner.is_asked.wait(), 5)
    looking[0].cancel()
    owner.is_free.set()
    assert await asyncio.gather(*looking[1:]) == [known[name]] * 99
    assert looking[0].cancelled()
    assert owner.asked == {f"/rows/{name}": 1}


async def test_who_finds_nothing_in_an_answer_that_was_asked_for_before_asks_again(
    make_rows: MakeRows, owner: Owner
) -> None:
    """It was created in between, and whoever did so may count on its being found."""
    [name] = names(1)
    rows = make_rows()
    owner.is_free.clear()
    first = asyncio.create_task(rows.find(name))
    await asyncio.wait_for(owner.is_asked.wait(), 5)
    known = owner.has(name)  # after the owner has read, before it answers
    later = [asyncio.create_task(rows.find(name)) for _ in range(10)]
    await asyncio.sleep(0.05)
    owner.is_free.set()
    assert await first is None
    assert await asyncio.gather(*later) == [known[name]] * 10
    assert owner.asked == {f"/rows/{name}": 2}


async def test_an_owner_that_is_away_is_not_asked_by_each(
    make_rows: MakeRows, unused_tcp_port: int
) -> None:
    rows, [name] = make_rows(unused_tcp_port), names(1)
    answers: list[object] = await asyncio.gather(
        *(rows.find(name) for _ in range(100)), return_exceptions=True
    )
    assert {type(answer) for answer in answers} == {UnavailableError}
    with pytest.raises(UnavailableError, match="does not answer"):
        await rows.find(name)  # two calls, not a hundred: the breaker is closed still
