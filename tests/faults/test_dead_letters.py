"""Dead letters while there is no queue for them."""

import asyncio

from tests.faults.bench import Bench
from tests.faults.load import Load, LoadPlan, create_users
from tests.faults.processes import eventually

from contracts.names import FAILED_QUEUE
from devstack.queues import queues_are_empty

FAILING = 50
GOOD = 100


async def test_failed_queue_deleted_while_fifty_fail_loses_none(bench: Bench) -> None:
    name = bench.new_name()
    users = await create_users(bench.system, f"failing-{name}", FAILING, "refusing.example.com")
    users += await create_users(bench.system, f"good-{name}", GOOD)
    bench.rng("order").shuffle(users)
    rabbitmq, amqp_url = bench.stack.servers.rabbitmq, bench.stack.addresses.amqp_url
    await queues_are_empty(amqp_url, [FAILED_QUEUE], seconds=30)
    before, since = await bench.dead_letters(), await bench.log.position()
    # Before the first one fails, or it would be our deletion that loses a dead letter.
    await rabbitmq.control("delete_queue", FAILED_QUEUE)

    async def declare_it_again(_: Load) -> None:
        await bench.system.set_failures(
            "smtp",
            [{"status": 550, "text": "5.7.1 No", "recipient": "*@refusing.example.com"}],
        )
        await asyncio.sleep(12)
        await rabbitmq.control(
            "import_definitions", str(bench.stack.home / "rabbitmq" / "definitions.json")
        )
        refused = await eventually(lambda: bench.log.refusals_since(since), FAILING, 60)
        assert refused == FAILING

    result = await bench.run(
        "failed.queue deleted while 50 fail",
        LoadPlan(count=FAILING + GOOD, per_second=20, one_each=True),
        declare_it_again,
        users=users,
        drain_seconds=120,
    )
    assert result.passed, str(result)
    assert result.states == {"delivered": GOOD, "failed": FAILING}
    assert await eventually(bench.dead_letters, before + FAILING, 60) == before + FAILING
    bench.results.remark(f"{FAILING} dead letters once it was declared again")
