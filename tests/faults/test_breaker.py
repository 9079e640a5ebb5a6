"""A provider that is down for everybody is left alone; one destination that refuses is not that."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest
from tests.faults.bench import BREAKER_OPEN_SECONDS, CONCURRENCY, Bench
from tests.faults.load import Load, LoadPlan, create_users
from tests.faults.processes import restart

from devstack.fault_proxy import PASSING, RESETTING, FaultProxy

FAILURES = 5
"""In a row, and the breaker opens."""
OPENS = "delivery_breaker_opens_total"


@pytest.fixture
async def smtp(bench: Bench) -> AsyncIterator[FaultProxy]:
    """What stands between the workers and the SMTP server; four workers in the long form."""
    proxy = FaultProxy(lambda: bench.stack.addresses.ports["smtp"])
    await proxy.start()
    added = []
    while len(bench.workers) < bench.take(full=4, quick=2):
        added.append(await bench.stack.add_replica("email-service"))
        added[-1].watch()
    for worker in bench.workers:
        bench.change(worker, {"SMTP_PORT": str(proxy.port)})
    yield proxy
    for worker in added:
        await worker.stop()
        del bench.stack.services[worker.name]
    for worker in bench.workers:
        bench.change(worker)
    await restart(bench.workers, bench.stack)
    await proxy.stop()


@pytest.mark.slow
async def test_a_provider_that_is_down_is_probed_once_a_period_and_costs_no_attempt(
    bench: Bench, smtp: FaultProxy
) -> None:
    queued, outage = bench.take(full=5000, quick=400), bench.take(full=30, quick=12)
    in_flight = len(bench.workers) * CONCURRENCY
    calls: list[float] = []
    ids: list[str] = []

    async def be_down_when_all_is_queued(load: Load) -> None:
        await load.finished.wait()
        ids.extend(load.accepted.values())
        smtp.change(RESETTING)
        await restart(bench.workers, bench.stack)
        await asyncio.sleep(outage)
        calls.extend(smtp.arrivals)
        smtp.change(PASSING)

    await asyncio.gather(*(worker.stop() for worker in bench.workers))
    result = await bench.run(
        f"provider down for {outage} s, {queued} queued, {len(bench.workers)} workers",
        LoadPlan(count=queued, per_second=400),
        be_down_when_all_is_queued,
        drain_seconds=240,
    )
    assert result.passed, str(result)
    assert result.states == {"delivered": queued}

    first = [call for call in calls if call - calls[0] < BREAKER_OPEN_SECONDS * 0.8]
    probes = calls[len(first) :]
    assert FAILURES <= len(first) <= FAILURES + in_flight
    gaps = [later - earlier for earlier, later in pairwise(probes)]
    assert probes, "nobody looked whether the provider was back"
    assert min(gaps, default=BREAKER_OPEN_SECONDS) >= BREAKER_OPEN_SECONDS * 0.9
    assert len(probes) <= outage / BREAKER_OPEN_SECONDS + 1

    assert set(await bench.attempts_of(ids)) == {1}
    assert await bench.metric(OPENS) == 1
    await load_for_a_while(bench, bench.take(full=60, quick=5))
    assert await bench.metric(OPENS) == 1
    bench.results.remark(
        f"{len(first)} calls until it was left alone ({in_flight} in flight), then "
        f"{len(probes)} probes; no attempt used up, never opened again"
    )


async def load_for_a_while(bench: Bench, seconds: int) -> None:
    """Some mails a second, while the breaker might open again."""
    load = bench.new_load("after the recovery")
    name = bench.new_name()
    users = await create_users(bench.system, f"recovered-{name}", seconds // 4 + 1)
    await load.run(LoadPlan(count=seconds * 5, per_second=5), users)
    states = await bench.drain(load.accepted.values(), 30)
    assert {state["status"] for state in states.values()} == {"delivered"}


@pytest.mark.slow
async def test_a_domain_that_greylists_opens_no_breaker_and_delays_nobody_else(
    bench: Bench,
) -> None:
    name, opened = bench.new_name(), await bench.metric(OPENS)
    grey = await create_users(bench.system, f"grey-{name}", 60, "greylisting.example.com")
    others = await create_users(bench.system, f"other-{name}", 240)
    users = [*grey, *others]
    bench.rng("greylisting").shuffle(users)

    async def greylist(load: Load) -> None:
        await bench.system.set_failures(
            "smtp",
            [
                {
                    "status": 450,
                    "text": "4.7.1 Greylisted",
                    "stage": "rcpt",
                    "recipient": "*@greylisting.example.com",
                }
            ],
        )
        await load.finished.wait()
        for request_id, address in load.recipients.items():
            notification_id = load.accepted[request_id]
            if address.endswith("@greylisting.example.com"):
                status = (await bench.system.notification(notification_id))["status"]
                assert status == "pending"
            else:
                await bench.system.finished(notification_id, 3)

    result = await bench.run(
        "one domain greylists (450 for its recipients)",
        LoadPlan(count=300, per_second=40, one_each=True),
        greylist,
        users=users,
        drain_seconds=120,
    )
    assert result.passed, str(result)
    assert result.states == {"delivered": 300}
    assert await bench.metric(OPENS) == opened
    bench.results.remark("all others were delivered meanwhile, no breaker opened")
