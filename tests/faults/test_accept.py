"""Accepting: a gateway that dies at a named step, equal requests at once, and neighbours away."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

import pytest
from tests.faults.bench import Bench
from tests.faults.fuse import Fuse
from tests.faults.load import TEMPLATE, Load, LoadPlan, create_users
from tests.faults.processes import restart

from api_gateway.adapters.failpoints import Failpoint
from devstack.service_process import ServiceProcess
from devstack.system_client import SystemClient
from servicekit.http_client import HttpResponse, TransportError, create_http_client

KILLS = 17
"""At each of the six steps: 102 in all."""
QUICK = {Failpoint.AFTER_COMMIT, Failpoint.AFTER_PUBLISH}
ANSWER_SECONDS = 30.0
PER_SECOND = 50


@pytest.fixture
def fuse(tmp_path: Path) -> Fuse:
    return Fuse(tmp_path / "fuse")


@pytest.fixture
async def armed(
    bench: Bench, fuse: Fuse, request: pytest.FixtureRequest
) -> AsyncIterator[Failpoint]:
    """The gateway dies at this step when the fuse is there."""
    point, gateway = Failpoint(request.param), bench.stack.services["api-gateway"]
    bench.change(gateway, {"FAILPOINT": point.value, "FAILPOINT_FILE": str(fuse.path)})
    await restart([gateway], bench.stack)
    yield point
    bench.change(gateway)
    await restart([gateway], bench.stack)


async def revive(bench: Bench, gateway: ServiceProcess) -> None:
    """Start it at once; its supervisor would wait longer each time."""
    await gateway.start()
    await bench.stack.ready([gateway.name])


@pytest.mark.parametrize(
    "armed",
    [
        pytest.param(each, id=each.value, marks=() if each in QUICK else pytest.mark.slow)
        for each in Failpoint
    ],
    indirect=True,
)
async def test_a_gateway_that_dies_at_a_named_step(
    bench: Bench, armed: Failpoint, fuse: Fuse
) -> None:
    kills = bench.take(full=KILLS, quick=1)
    plan = LoadPlan(count=0, per_second=1)
    users = await create_users(bench.system, f"accept-{bench.new_name()}", 1)
    gateway = bench.stack.services["api-gateway"]

    async def die_again_and_again(load: Load) -> None:
        gateway.unwatch()
        for number in range(kills):
            name = f"{load.name}-{number}"
            fuse.light()
            await load.ask(plan, number, users[0])
            await fuse.burnt()
            first = load.accepted.get(name)
            await revive(bench, gateway)
            deadline = time.monotonic() + ANSWER_SECONDS
            load.accepted.pop(name, None)
            while name not in load.accepted:  # repeated with its key, as the answer asks for
                assert time.monotonic() < deadline, f"{name} was not answered"
                await load.ask(plan, number, users[0])
                await asyncio.sleep(0.25)
            assert first in {None, load.accepted[name]}, "one request, two notifications"
        gateway.watch()

    result = await bench.run(
        f"gateway killed at {armed.value}, {kills} times",
        plan,
        die_again_and_again,
        users=users,
        drain_seconds=90,
    )
    assert result.accepted == kills
    assert result.passed, str(result)


async def test_a_thousand_equal_requests_to_two_gateways_are_one_notification(
    bench: Bench,
) -> None:
    """Over 200 connections; the answers are 202 and 409, and one mail is sent."""
    count = bench.take(full=1_000, quick=300)
    [user] = await create_users(bench.system, f"equal-{bench.new_name()}", 1)
    second = await bench.stack.add_replica("api-gateway")
    bench.change(second)
    await restart([second], bench.stack)
    request_id = f"equal-{bench.new_name()}"
    body = {
        "notification_type": "email",
        "user_id": user["user_id"],
        "template_code": TEMPLATE,
        "variables": {"request": request_id},
        "request_id": request_id,
    }
    urls = [
        f"{bench.stack.addresses.url(name)}/api/v1/notifications"
        for name in ("api-gateway", second.name)
    ]
    since = await bench.log.position()
    try:
        async with create_http_client(timeout_seconds=20.0, max_connections=200) as http:

            async def ask(number: int) -> HttpResponse:
                headers = {"X-API-Key": bench.system.api_key}
                return await http.post(urls[number % 2], json=body, headers=headers)

            answers = await asyncio.gather(*(ask(number) for number in range(count)))
    finally:
        second.unwatch()
        await second.stop()
        del bench.stack.services[second.name]
    assert {answer.status_code for answer in answers} <= {202, 409}
    accepted = [answer for answer in answers if answer.status_code == 202]
    ids = {answer.json()["data"]["notification_id"] for answer in accepted}
    assert len(ids) == 1
    assert sum("Idempotent-Replayed" not in answer.headers for answer in accepted) == 1
    await bench.system.finished(ids.pop(), 30)
    lines = [line for line in await bench.log.lines_since(since) if line.request_id == request_id]
    assert [line.accepted for line in lines] == [True]


@dataclass
class Answers:
    """What a steady load was told, and how long that took."""

    statuses: Counter[int]
    seconds: list[float]
    ids: list[str]

    @property
    def p99(self) -> float:
        return quantiles(self.seconds, n=100)[98]


async def steady(
    bench: Bench, users: Sequence[dict[str, str]], name: str, *, seconds: float
) -> Answers:
    """`PER_SECOND` requests a second, whatever becomes of the ones before."""
    answers = Answers(Counter(), [], [])

    async def ask(number: int) -> None:
        request_id = f"{name}-{number}"
        body = {
            "notification_type": "email",
            "user_id": users[number % len(users)]["user_id"],
            "template_code": TEMPLATE,
            "variables": {"request": request_id},
            "request_id": request_id,
        }
        started = time.monotonic()
        try:
            answer = await client.post_notification(body)
        except TransportError:
            answers.statuses[0] += 1
            return
        answers.seconds.append(time.monotonic() - started)
        answers.statuses[answer.status_code] += 1
        if answer.status_code == 202:
            answers.ids.append(answer.json()["data"]["notification_id"])
        elif answer.status_code == 503:
            assert int(answer.headers["Retry-After"]) >= 1

    count = int(seconds * PER_SECOND)
    # A connection each, or what is measured is the wait for one.
    async with create_http_client(timeout_seconds=30, max_connections=count) as http:
        client = SystemClient(http, bench.system.urls, bench.system.api_key)
        async with asyncio.TaskGroup() as group:
            for number in range(count):
                group.create_task(ask(number))
                await asyncio.sleep(1 / PER_SECOND)
    return answers


@pytest.fixture
async def users(bench: Bench) -> list[dict[str, str]]:
    """Recipients whom the gateway has sent to already, so they are cached."""
    created = await create_users(bench.system, f"away-{bench.new_name()}", 20)
    warm = await steady(bench, created, f"warm-{bench.new_name()}", seconds=1)
    assert set(warm.statuses) == {202}
    return created


async def all_delivered(bench: Bench, answers: Answers) -> None:
    states = await bench.drain(answers.ids, 90)
    assert Counter(state["status"] for state in states.values()) == {"delivered": len(answers.ids)}


async def test_without_rabbitmq_everything_is_accepted_and_sent_afterwards(
    bench: Bench, users: list[dict[str, str]]
) -> None:
    seconds = bench.take(full=30, quick=6)
    bench.stack.servers.rabbitmq.kill()
    try:
        answers = await steady(bench, users, f"no-broker-{bench.new_name()}", seconds=seconds)
    finally:
        await bench.heal()
    assert set(answers.statuses) == {202}
    assert answers.p99 < 3.0
    await all_delivered(bench, answers)


async def test_without_postgresql_nobody_is_told_that_it_was_accepted(
    bench: Bench, users: list[dict[str, str]]
) -> None:
    """Frozen, which is worse than gone: every answer is a 503 within three seconds."""
    bench.stack.servers.postgres.freeze()
    try:
        answers = await steady(
            bench, users, f"no-database-{bench.new_name()}", seconds=bench.take(full=10, quick=4)
        )
    finally:
        bench.stack.servers.postgres.thaw()
        await bench.heal()
    assert set(answers.statuses) == {503}
    assert max(answers.seconds) < 3.0


async def test_without_user_service_known_users_are_served_and_others_are_told(
    bench: Bench, users: list[dict[str, str]]
) -> None:
    service = bench.stack.services["user-service"]
    [stranger] = await create_users(bench.system, f"stranger-{bench.new_name()}", 1)
    service.freeze()
    try:
        known = await steady(bench, users, f"known-{bench.new_name()}", seconds=3)
        unknown = await steady(bench, [stranger], f"unknown-{bench.new_name()}", seconds=2)
    finally:
        service.thaw()
        await bench.heal()
    assert set(known.statuses) == {202}
    assert set(unknown.statuses) <= {202, 503}  # user-service itself may have cached it
    await all_delivered(bench, known)


@pytest.mark.slow  # of few requests the p99 is that of the unluckiest one
async def test_without_redis_everything_is_accepted_within_a_second(
    bench: Bench, users: list[dict[str, str]]
) -> None:
    bench.stack.servers.redis.freeze()
    try:
        answers = await steady(
            bench, users, f"no-redis-{bench.new_name()}", seconds=bench.take(full=20, quick=5)
        )
    finally:
        bench.stack.servers.redis.thaw()
        await bench.heal()
    assert set(answers.statuses) == {202}
    assert answers.p99 < 1.0, [round(each, 2) for each in answers.seconds]
    await all_delivered(bench, answers)


@pytest.mark.slow
async def test_a_relay_killed_while_it_releases_loses_nothing_and_sends_nothing_twice(
    bench: Bench,
) -> None:
    """Killed again and again while what was scheduled falls due."""
    kills = bench.take(full=10, quick=2)
    rng, relay = bench.rng("releasing"), bench.stack.services["relay"]

    async def kill_while_it_falls_due(load: Load) -> None:
        await load.finished.wait()
        for _kill in range(kills):
            await asyncio.sleep(rng.uniform(0.05, 0.6))
            relay.kill()
            relay.unwatch()
            await revive(bench, relay)
        relay.watch()

    result = await bench.run(
        f"kill -9 of the relay while scheduled notifications fall due, {kills} times",
        LoadPlan(count=kills * 60, per_second=60, scheduled_seconds=12.0),
        kill_while_it_falls_due,
        drain_seconds=120,
    )
    assert result.passed, str(result)
