"""Starting with a first administrator, and serving without one of the servers."""

import asyncio

import pytest
from queues import until
from running_app import RunningApp, running_app, shown_by
from samples import PASSWORD, unused_email
from structlog.testing import capture_logs

from servicekit.database import DatabaseUnavailableError


async def role_of(app: RunningApp, email: str, password: str) -> str:
    answer = await app.client.post(
        "/api/v1/auth/login", json={"email": email, "password": password}
    )
    return str((answer.json()["data"] or {}).get("role"))


async def test_replicas_that_start_together_create_one_administrator(
    database_url: str, redis_url: str
) -> None:
    email = unused_email()

    async def start() -> str:
        async with running_app(
            database_url=database_url,
            redis_url=redis_url,
            admin_email=email,
            admin_password=PASSWORD,
        ) as app:
            return await role_of(app, email, PASSWORD)

    with capture_logs() as lines:
        assert await asyncio.gather(*(start() for _ in range(3))) == ["admin"] * 3
    assert [line["event"] for line in lines].count("first_admin.created") == 1


async def test_an_existing_user_is_never_changed(
    app: RunningApp, writer: dict[str, str], database_url: str, redis_url: str
) -> None:
    user = await app.create_user(writer)
    with capture_logs() as lines:
        async with running_app(
            database_url=database_url,
            redis_url=redis_url,
            admin_email=user["email"].upper(),
            admin_password="another password",
        ) as second:
            assert await role_of(second, user["email"], "another password") == "None"
            assert await role_of(second, user["email"], PASSWORD) == "user"
    assert "first_admin.address_belongs_to_another" in [line["event"] for line in lines]


async def test_a_start_without_postgres_says_so_and_fails(
    redis_url: str, unused_tcp_port: int
) -> None:
    with capture_logs() as lines, pytest.raises(DatabaseUnavailableError):
        async with running_app(
            database_url=f"postgresql+asyncpg://127.0.0.1:{unused_tcp_port}/nothing",
            redis_url=redis_url,
            admin_email=unused_email(),
            admin_password=PASSWORD,
        ):
            pass
    assert [line["event"] for line in lines] == ["first_admin.database_unavailable"]


async def test_without_redis_all_requests_are_still_answered(
    database_url: str, unused_tcp_port: int
) -> None:
    email = unused_email()
    async with running_app(
        database_url=database_url,
        redis_url=f"redis://127.0.0.1:{unused_tcp_port}/0",
        admin_email=email,
        admin_password=PASSWORD,
    ) as app:
        admin = await app.sign_in(email, PASSWORD)
        with capture_logs() as lines:
            user = await app.create_user(admin)
        assert "user_snapshot.not_cached" in [line["event"] for line in lines]
        path = f"/api/v1/users/{user['id']}"
        patched = await app.client.patch(path, json={"name": "New"}, headers=admin)
        assert patched.status_code == 200
        ready = await app.client.get("/health/ready")
        assert ready.status_code == 503
        states = {name: check["status"] for name, check in ready.json()["checks"].items()}
        assert (states["postgres"], states["redis"]) == ("up", "down")


async def test_without_postgres_the_answer_is_503_with_retry_after(
    redis_url: str, unused_tcp_port: int
) -> None:
    async with running_app(
        database_url=f"postgresql+asyncpg://127.0.0.1:{unused_tcp_port}/nothing",
        redis_url=redis_url,
    ) as app:
        for answer in (
            await app.client.get("/api/v1/users", headers={"X-API-Key": "nk_live_x"}),
            await app.client.get(
                "/api/v1/users/00000000-0000-4000-8000-000000000000/snapshot",
                headers=shown_by("api-gateway"),
            ),
            await app.client.post(
                "/api/v1/auth/login", json={"email": "a@example.com", "password": "x"}
            ),
        ):
            assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
            assert int(answer.headers["Retry-After"]) > 0
        assert (await app.client.get("/health/live")).status_code == 200
        assert (await app.client.get("/api/v1/auth/jwks.json")).status_code == 200


async def test_is_ready_when_all_servers_answer(
    database_url: str, redis_url: str, amqp_url: str
) -> None:
    async with running_app(
        database_url=database_url, redis_url=redis_url, amqp_url=amqp_url
    ) as app:

        async def is_ready() -> bool:
            return (await app.client.get("/health/ready/")).status_code == 200

        await until(is_ready)
        ready = await app.client.get("/health/ready/")
        assert set(ready.json()["checks"]) == {
            *("postgres", "redis", "suppressions", "suppression_keeper")
        }


async def test_without_a_broker_requests_are_answered_and_readiness_says_so(
    app: RunningApp, writer: dict[str, str]
) -> None:
    await app.create_user(writer)
    ready = await app.client.get("/health/ready")
    assert ready.status_code == 503
    states = {name: check["status"] for name, check in ready.json()["checks"].items()}
    assert states == {
        "postgres": "up",
        "redis": "up",
        "suppressions": "down",
        "suppression_keeper": "up",
    }
