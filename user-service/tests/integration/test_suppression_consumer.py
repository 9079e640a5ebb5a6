from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest_asyncio
from aio_pika.abc import AbstractChannel
from gate import gate
from queues import channel_to, is_empty, purge, send_event, take, until
from redis.asyncio import Redis
from running_app import RunningApp, redis_apart_url, running_app, shown_by
from samples import email_digest, new_outcome, unused_email
from sqlalchemy import make_url, select
from structlog.testing import capture_logs

from contracts.cache_keys import suppression_key
from contracts.names import FAILED_QUEUE, SUPPRESSIONS_QUEUE
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionReason
from servicekit.database import Database
from user_service.adapters.tables import suppressions

PATH = "/api/v1/suppressions"


@pytest_asyncio.fixture
async def channel(amqp_url: str) -> AsyncIterator[AbstractChannel]:
    async with channel_to(amqp_url) as channel:
        await purge(channel, SUPPRESSIONS_QUEUE, FAILED_QUEUE)
        yield channel


@asynccontextmanager
async def consuming(database_url: str, redis_url: str, amqp_url: str) -> AsyncIterator[RunningApp]:
    async with running_app(
        database_url=database_url, redis_url=redis_url, amqp_url=amqp_url
    ) as app:
        yield app


@pytest_asyncio.fixture
async def consumer(database_url: str, redis_url: str, amqp_url: str) -> AsyncIterator[RunningApp]:
    async with consuming(database_url, redis_url, amqp_url) as app:
        yield app


async def report(channel: AbstractChannel, *outcomes: DeliveryOutcome) -> None:
    for outcome in outcomes:
        await send_event(channel, outcome.routing_key, outcome.model_dump_json().encode())


async def rows_of(database: Database, email: str) -> list[dict[str, Any]]:
    query = select(suppressions).where(suppressions.c.address_digest == email_digest(email))
    async with database.transaction() as connection:
        return [dict(row) for row in (await connection.execute(query)).mappings()]


async def until_reason(
    redis: "Redis", email: str, reason: str | None, *, seconds: float = 10
) -> None:
    async def it_is_so() -> bool:
        held: object = await redis.get(suppression_key(email_digest(email)))
        return held == reason

    await until(it_is_so, seconds=seconds)


async def state(app: RunningApp, user_id: str) -> tuple[int, str | None]:
    answer = await app.client.get(
        f"/api/v1/users/{user_id}/snapshot", headers=shown_by("api-gateway")
    )
    snapshot = answer.json()["data"]
    return snapshot["version"], snapshot["email_suppressed"]


def complaint(email: str, **values: Any) -> DeliveryOutcome:
    notice = new_outcome(email).suppression
    assert notice is not None
    return new_outcome(
        None,
        kind=OutcomeKind.COMPLAINED,
        suppression=notice.model_copy(
            update={"reason": SuppressionReason.COMPLAINT, "source": "sendgrid"}
        ),
        **values,
    )


async def test_a_bounce_that_is_reported_twice_suppresses_once(
    app: RunningApp,
    writer: dict[str, str],
    consumer: RunningApp,
    channel: AbstractChannel,
    database: Database,
    redis: "Redis",
) -> None:
    user = await app.create_user(writer)
    email = user["email"]
    bounce = new_outcome(email.upper(), kind=OutcomeKind.BOUNCED)
    await report(channel, bounce, bounce, new_outcome(email))
    await until_reason(redis, email, "hard_bounce")
    other = unused_email()
    await report(channel, new_outcome(other))
    await until_reason(redis, other, "hard_bounce")  # so those before are done with
    [row] = await rows_of(database, email)
    assert (row["reason"], row["source"], row["created_at"]) == ("hard_bounce", "smtp", bounce.at)
    assert await state(app, user["id"]) == (2, "hard_bounce")
    assert await is_empty(channel, SUPPRESSIONS_QUEUE)


async def test_a_complaint_outranks_a_bounce_and_what_was_said_by_hand_stays(
    app: RunningApp,
    writer: dict[str, str],
    consumer: RunningApp,
    channel: AbstractChannel,
    redis: "Redis",
) -> None:
    bounced, manual = unused_email(), unused_email()
    await app.client.post(PATH, json={"email": manual}, headers=writer)
    await report(channel, new_outcome(bounced), complaint(manual), complaint(bounced))
    await until_reason(redis, bounced, "complaint")
    await until_reason(redis, manual, "manual")
    found = await app.client.get(PATH, params={"email": manual}, headers=writer)
    assert found.json()["data"][0]["source"].startswith("application:")


async def test_what_says_nothing_of_the_address_is_acknowledged_and_unreadable_is_kept_aside(
    consumer: RunningApp,
    channel: AbstractChannel,
    database: Database,
    redis: "Redis",
) -> None:
    email = unused_email()
    silent, said = new_outcome(None), new_outcome(email).model_dump_json()
    wrong = [
        b"{",
        said.replace(email_digest(email), "\\u0000" * 64).encode(),
        said.replace('"smtp"', '"s\\u0000"').encode(),
        said.replace('"expires_at":null', '"expires_at":"9999-12-31T23:59:59-14:00"').encode(),
        said.replace('"hard_bounce"', '"boredom"').encode(),
        said.replace("2026-05-01T12:00:00Z", "2026-05-01T12:00:00").encode(),
    ]
    assert len({said.encode(), *wrong}) == 7
    await report(channel, silent)
    for body in wrong:
        await send_event(channel, "notification.failed", body)
    last = unused_email()
    await report(channel, new_outcome(last))
    await until_reason(redis, last, "hard_bounce")
    dead = await take(channel, FAILED_QUEUE, len(wrong))
    assert {message.body for message in dead} == set(wrong)
    assert await rows_of(database, email) == []
    assert await is_empty(channel, SUPPRESSIONS_QUEUE)


async def test_after_a_lift_the_address_is_open_until_it_bounces_again(
    app: RunningApp,
    writer: dict[str, str],
    consumer: RunningApp,
    channel: AbstractChannel,
    redis: "Redis",
) -> None:
    user = await app.create_user(writer)
    email = user["email"]
    old = new_outcome(email, at=datetime.now(UTC))
    await report(channel, old)
    await until_reason(redis, email, "hard_bounce")
    lifted = await app.client.delete(PATH, params={"email": email.upper()}, headers=writer)
    assert lifted.status_code == 200
    assert await state(app, user["id"]) == (3, None)
    # the broker may bring the same once more
    marker = unused_email()
    await report(channel, old, new_outcome(marker))
    await until_reason(redis, marker, "hard_bounce")
    assert await state(app, user["id"]) == (3, None)
    await until_reason(redis, email, None)
    await report(channel, new_outcome(email, at=datetime.now(UTC) + timedelta(seconds=1)))
    await until_reason(redis, email, "hard_bounce")
    assert await state(app, user["id"]) == (4, "hard_bounce")


async def test_what_comes_while_postgres_is_away_waits_and_readiness_says_so(
    database_url: str,
    redis_url: str,
    amqp_url: str,
    channel: AbstractChannel,
    database: Database,
    redis: "Redis",
    unused_tcp_port: int,
) -> None:
    real = make_url(database_url)
    assert real.port is not None
    gated = real.set(port=unused_tcp_port).render_as_string(hide_password=False)
    emails = [unused_email() for _ in range(3)]

    async def checks(app: RunningApp) -> dict[str, str]:
        ready = await app.client.get("/health/ready")
        return {name: check["status"] for name, check in ready.json()["checks"].items()}

    async with (
        gate(unused_tcp_port, to_port=real.port) as way,
        consuming(gated, redis_url, amqp_url) as app,
    ):

        async def all_up() -> bool:
            return set((await checks(app)).values()) == {"up"}

        async def says_so() -> bool:
            states = await checks(app)
            return (states["postgres"], states["suppressions"]) == ("down", "down")

        await report(channel, new_outcome(emails[0]))
        await until(says_so)
        await way.open()
        await until_reason(redis, emails[0], "hard_bounce")
        await until(all_up)
        await way.shut()
        await report(channel, *(new_outcome(email) for email in emails[1:]))
        await until(says_so)
        assert [await rows_of(database, email) for email in emails[1:]] == [[], []]
        await way.open()
        for email in emails[1:]:
            await until_reason(redis, email, "hard_bounce")
        await until(all_up)
    assert await is_empty(channel, SUPPRESSIONS_QUEUE)
    assert await is_empty(channel, FAILED_QUEUE)


async def test_what_was_not_recorded_at_the_stop_comes_again(
    database_url: str,
    redis_url: str,
    amqp_url: str,
    channel: AbstractChannel,
    redis: "Redis",
    unused_tcp_port: int,
) -> None:
    email = unused_email()
    away = make_url(database_url).set(port=unused_tcp_port)
    await report(channel, new_outcome(email))
    async with consuming(away.render_as_string(hide_password=False), redis_url, amqp_url):

        async def is_fetched() -> bool:
            return await is_empty(channel, SUPPRESSIONS_QUEUE)

        await until(is_fetched)
    async with consuming(database_url, redis_url, amqp_url):
        await until_reason(redis, email, "hard_bounce")


async def test_what_redis_missed_or_forgot_it_is_told_within_seconds(
    database_url: str,
    redis_url: str,
    amqp_url: str,
    channel: AbstractChannel,
    redis_apart: "Redis",
    unused_tcp_port: int,
) -> None:
    email = unused_email()
    real = urlsplit(redis_apart_url(redis_url))
    assert real.port is not None
    gated = real._replace(netloc=real.netloc.replace(f":{real.port}", f":{unused_tcp_port}"))
    async with gate(unused_tcp_port, to_port=real.port) as way:
        with capture_logs() as lines:
            async with consuming(database_url, gated.geturl(), amqp_url):

                async def is_recorded() -> bool:
                    return "suppression.recorded" in [line["event"] for line in lines]

                await report(channel, new_outcome(email))
                await until(is_recorded)
                assert await redis_apart.get(suppression_key(email_digest(email))) is None
                await way.open()
                await until_reason(redis_apart, email, "hard_bounce", seconds=30)
                await redis_apart.flushdb()
                await until_reason(redis_apart, email, "hard_bounce", seconds=30)
    assert "suppressions.not_told" in [line["event"] for line in lines]


async def test_a_start_tells_redis_all_over_again(
    app: RunningApp,
    writer: dict[str, str],
    database_url: str,
    redis_url: str,
    redis: "Redis",
) -> None:
    email = unused_email()
    await app.client.post(PATH, json={"email": email}, headers=writer)
    await redis.delete(suppression_key(email_digest(email)))
    async with running_app(database_url=database_url, redis_url=redis_url):
        await until_reason(redis, email, "manual")
