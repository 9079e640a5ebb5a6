"""The email lane and what comes out of it: filled, counted and emptied by the benchmark."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

import aio_pika

from contracts.delivery_message import DeliveryMessage
from contracts.names import NOTIFICATIONS_EXCHANGE, OUTCOMES_QUEUE, QUEUES, lane_for
from contracts.notification import NotificationType
from servicekit.publisher import OutgoingMessage, Publisher

_AT_ONCE: Final = 200
_LANE: Final = lane_for(NotificationType.EMAIL, 4)
_DOMAINS: Final = tuple(f"mail{number}.example.com" for number in range(20))
_PUBLISH_SECONDS: Final = 30.0


class Lane:
    """The queues of one broker.

    Args:
        amqp_url: The broker.
        template_code: What deliveries are rendered with, at version 1.
        category: The template's.
    """

    def __init__(self, amqp_url: str, template_code: str, category: str) -> None:
        self._amqp_url = amqp_url
        self._template_code = template_code
        self._category = category

    async def fill(self, count: int) -> None:
        """Put so many deliveries into the lane, each to another address with other variables."""
        publisher = Publisher(
            self._amqp_url,
            name="benchmark-fill",
            exchanges=(NOTIFICATIONS_EXCHANGE,),
            publish_seconds=_PUBLISH_SECONDS,
        )
        publisher.start()
        try:
            await publisher.connected()
            numbers = iter(range(count))
            await asyncio.gather(*(self._publish(publisher, numbers) for _ in range(_AT_ONCE)))
        finally:
            await publisher.close()

    async def empty(self) -> None:
        """Throw away whatever waits in any queue."""
        async with await aio_pika.connect(self._amqp_url) as connection:
            channel = await connection.channel()
            for name in QUEUES:
                await (await channel.get_queue(name, ensure=False)).purge()

    async def outcomes(self) -> int:
        """How many outcomes wait to be recorded; nobody records them here."""
        async with await aio_pika.connect(self._amqp_url) as connection:
            channel = await connection.channel()
            queue = await channel.declare_queue(OUTCOMES_QUEUE, passive=True)
            return queue.declaration_result.message_count or 0

    async def _publish(self, publisher: Publisher, numbers: Iterator[int]) -> None:
        for number in numbers:
            message = self._message(number)
            await publisher.publish(
                OutgoingMessage(
                    exchange=NOTIFICATIONS_EXCHANGE,
                    routing_key=_LANE,
                    body=message.model_dump_json(exclude_none=True).encode(),
                    message_id=str(message.delivery_id),
                    correlation_id=message.correlation_id,
                )
            )

    def _message(self, number: int) -> DeliveryMessage:
        key = uuid4().hex
        return DeliveryMessage(
            delivery_id=uuid4(),
            notification_id=f"notif_{key}",
            notification_type=NotificationType.EMAIL,
            user_id=uuid4(),
            client_id="benchmark",
            recipient=f"user.{key[:12]}@{_DOMAINS[number % len(_DOMAINS)]}",
            template_code=self._template_code,
            template_version=1,
            language="en",
            category=self._category,
            variables={
                "name": f"Recipient {number}",
                "link": f"https://example.com/start/{key}",
            },
            request_id=key,
            correlation_id=key,
            priority=4,
            created_at=datetime.now(UTC),
        )
