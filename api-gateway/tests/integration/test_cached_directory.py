import time
from collections.abc import AsyncIterator, Callable
from typing import Any
from uuid import UUID

import pytest
import pytest_asyncio
from loopback_services import SERVICE_TOKEN, LoopbackServices
from redis.asyncio import Redis
from samples import user
from structlog.testing import capture_logs

from api_gateway.adapters.cached_directory import CachedDirectory
from contracts.cache_keys import user_key
from contracts.user_snapshot import UserSnapshot
from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.redis import create_redis
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import HARD_SECONDS, SOFT_SECONDS, VersionedCache

Users = CachedDirectory[UUID, UserSnapshot]
MakeUsers = Callable[..., Users]


@pytest_asyncio.fixture
async def make_users(services: LoopbackServices, redis: "Redis") -> AsyncIterator[MakeUsers]:
    """A directory of users; `url` names another owner, `later` is how many seconds have passed."""
    clients = []

    def make(url: str | None = None, later: float = 0, cache_in: "Redis | None" = None) -> Users:
        client = create_http_client(
            url or services.url, timeout_seconds=1.0, service_token=SERVICE_TOKEN
        )
        clients.append(client)
        return CachedDirectory(
            cache=VersionedCache(
                cache_in if cache_in is not None else redis,
                UserSnapshot,
                now=lambda: time.time() + later,
            ),
            service=ServiceClient("user-service", client),
            model=UserSnapshot,
            cache_key=user_key,
            path=path_of,
            version_of=lambda found: found.version,
        )

    yield make
    for client in clients:
        await client.aclose()


def path_of(user_id: UUID) -> str:
    return f"/api/v1/users/{user_id}/snapshot"


@pytest.fixture
def known(services: LoopbackServices) -> UserSnapshot:
    return services.has_user(user())


async def test_asks_the_owner_once_and_then_redis(
    make_users: MakeUsers, services: LoopbackServices, known: UserSnapshot
) -> None:
    users = make_users()
    assert [await users.find(known.user_id) for _ in range(3)] == [known] * 3
    assert services.asked[path_of(known.user_id)] == 1


async def test_a_stale_copy_is_fetched_anew(
    make_users: MakeUsers, services: LoopbackServices, known: UserSnapshot
) -> None:
    await make_users().find(known.user_id)
    newer = services.has_user(known.model_copy(update={"version": 2, "language": "fr"}))
    assert await make_users().find(known.user_id) == known
    assert await make_users(later=SOFT_SECONDS + 1).find(known.user_id) == newer
    assert await make_users().find(known.user_id) == newer


async def test_a_stale_copy_serves_while_the_owner_is_away(
    make_users: MakeUsers, known: UserSnapshot, unused_tcp_port: int
) -> None:
    await make_users().find(known.user_id)
    away = f"http://127.0.0.1:{unused_tcp_port}"
    users = make_users(url=away, later=SOFT_SECONDS + 1)
    with capture_logs() as lines:
        assert await users.find(known.user_id) == known
    assert [line["event"] for line in lines] == ["directory.stale_copy_used"]


async def test_without_a_copy_and_an_owner_it_cannot_be_said(
    make_users: MakeUsers, unused_tcp_port: int
) -> None:
    with pytest.raises(UnavailableError, match="does not answer"):
        await make_users(url=f"http://127.0.0.1:{unused_tcp_port}").find(user().user_id)


async def test_whom_the_owner_does_not_know_is_nobody_and_is_not_remembered(
    make_users: MakeUsers, services: LoopbackServices
) -> None:
    stranger, users = user(), make_users()
    assert await users.find(stranger.user_id) is None
    services.has_user(stranger)
    assert await users.find(stranger.user_id) == stranger


async def test_without_redis_the_owner_is_asked_each_time(
    make_users: MakeUsers, services: LoopbackServices, known: UserSnapshot, unused_tcp_port: int
) -> None:
    redis = create_redis(f"redis://127.0.0.1:{unused_tcp_port}/0", name="tests")
    users = make_users(cache_in=redis)
    assert [await users.find(known.user_id) for _ in range(2)] == [known] * 2
    assert services.asked[path_of(known.user_id)] == 2
    await redis.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        (500, {"success": False}),
        (200, {"success": True}),
        (200, {"success": True, "data": None}),
        (200, {"success": True, "data": {"user_id": 5}}),
        (200, ["not", "an", "envelope"]),
        (200, b"<html>a proxy's page</html>"),
        (401, {"success": False}),
        (302, {}),
    ],
)
async def test_an_owner_that_answers_nonsense_counts_as_away(
    make_users: MakeUsers, services: LoopbackServices, answer: tuple[int, Any]
) -> None:
    asked = user()
    services.answers[path_of(asked.user_id)] = answer
    with pytest.raises(UnavailableError):
        await make_users().find(asked.user_id)
    services.has_user(asked)
    await make_users().find(asked.user_id)
    services.answers[path_of(asked.user_id)] = answer
    assert await make_users(later=SOFT_SECONDS + 1).find(asked.user_id) == asked


@pytest.mark.parametrize("body", ['{"of": "another version"}', "not json"])
async def test_a_copy_that_cannot_be_read_is_replaced(
    make_users: MakeUsers, redis: "Redis", known: UserSnapshot, body: str
) -> None:
    key = user_key(known.user_id)
    await redis.hset(key, mapping={"version": 1, "body": body, "stored_at": time.time()})
    await redis.expire(key, HARD_SECONDS)
    with capture_logs() as lines:
        assert await make_users().find(known.user_id) == known
    assert [line["log_level"] for line in lines] == ["warning"]
    with capture_logs() as lines:
        assert await make_users().find(known.user_id) == known
    assert lines == []
