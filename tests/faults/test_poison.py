"""Messages that cannot be delivered, among many that can."""

import asyncio
import json
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from pydantic import ValidationError
from tests.faults.bench import Bench
from tests.faults.load import Load, LoadPlan
from tests.faults.processes import eventually

from contracts.delivery_message import MESSAGE_VERSION, DeliveryMessage
from contracts.names import NOTIFICATIONS_EXCHANGE, normal_lane
from contracts.notification import NotificationType

POISON = 50


def message_without_defect() -> dict[str, Any]:
    return {
        "v": MESSAGE_VERSION,
        "delivery_id": str(uuid4()),
        "notification_id": f"notif_{uuid4().hex}",
        "notification_type": "email",
        "user_id": str(uuid4()),
        "client_id": "faults",
        "recipient": "poison@example.com",
        "template_code": "fault_probe",
        "template_version": 1,
        "language": "en",
        "category": "other",
        "variables": {"request": "poison"},
        "correlation_id": "faults",
        "priority": 4,
        "created_at": "2026-01-01T00:00:00Z",
    }


def poison(number: int) -> bytes:
    """Unreadable in one of five ways, each body another."""
    message = message_without_defect()
    match number % 5:
        case 0:
            return b"\xff\xfe{" + uuid4().bytes
        case 1:
            return json.dumps({**message, "notification_type": "push"}).encode()
        case 2:
            del message["recipient"]
        case 3:
            message |= {"priority": "high", "variables": "none"}
        case 4:
            message["v"] = MESSAGE_VERSION + 100
    return json.dumps(message).encode()


@pytest.mark.parametrize("number", range(5))
def test_nothing_but_its_defect_makes_a_message_poison(number: int) -> None:
    sound = DeliveryMessage.model_validate(message_without_defect())
    assert sound.notification_type is NotificationType.EMAIL
    try:
        defective = DeliveryMessage.model_validate_json(poison(number))
    except ValidationError:
        return
    assert defective.notification_type is NotificationType.PUSH


async def test_poison_among_good_messages_becomes_dead_letters_and_stops_nobody(
    bench: Bench,
) -> None:
    good = bench.take(full=2000, quick=300)
    before = await bench.dead_letters()
    restarts = [worker.restarts for worker in bench.workers]
    rng = bench.rng("poison")

    async def publish_poison(_: Load) -> None:
        connection = await aio_pika.connect(bench.stack.addresses.amqp_url)
        async with connection:
            channel = await connection.channel()
            exchange = await channel.get_exchange(NOTIFICATIONS_EXCHANGE)
            for number in range(POISON):
                await asyncio.sleep(rng.expovariate(10))
                await exchange.publish(
                    aio_pika.Message(
                        poison(number),
                        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
                        message_id=str(uuid4()),
                    ),
                    routing_key=normal_lane(NotificationType.EMAIL),
                )

    result = await bench.run(
        f"{POISON} poison messages among {good} good ones",
        LoadPlan(count=good, per_second=60),
        publish_poison,
        drain_seconds=120,
    )
    assert result.passed, str(result)
    assert result.states == {"delivered": good}
    assert await eventually(bench.dead_letters, before + POISON, 60) == before + POISON
    assert [worker.restarts for worker in bench.workers] == restarts
    bench.results.remark(f"{POISON} dead letters, no worker restarted")
