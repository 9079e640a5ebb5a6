"""A worker on a real RabbitMQ and a real Redis; only provider and templates are fakes."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage
from bench import FakeProvider, FakeRenderer
from deliveries import DIGESTS
from redis.asyncio import Redis

from contracts.delivery_message import HEADER_REPEATED, DeliveryMessage
from contracts.names import (
    FAILED_QUEUE,
    NOTIFICATIONS_EXCHANGE,
    OUTCOMES_QUEUE,
    RETRY_QUEUES,
    lane_for,
    normal_lane,
    priority_lane,
)
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome
from delivery.amqp_reports import EXCHANGES, AmqpReports
from delivery.deliver import Chances, Deliver
from delivery.metrics import DeliveryMetrics
from delivery.provider import OutgoingDelivery, ProviderAcceptance
from delivery.provider_chain import ProviderChain
from delivery.redis_breakers import RedisBreakers
from delivery.redis_claims import RedisClaims
from delivery.worker import Worker
from servicekit.breaker import BreakerRules
from servicekit.metrics import Metrics
from servicekit.publisher import Publisher

EMAIL = NotificationType.EMAIL
LANES = (normal_lane(EMAIL), priority_lane(EMAIL))
USED_QUEUES = (*LANES, *RETRY_QUEUES, FAILED_QUEUE, OUTCOMES_QUEUE)


class GatedProvider(FakeProvider):
    """Holds every send until the gate opens, where the test closed it."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = asyncio.Event()
        self.gate.set()
        self.latest = ""
        self.under_way = 0
        self.most_under_way = 0

    async def send(self, delivery: OutgoingDelivery[str]) -> ProviderAcceptance:
        self.latest = delivery.message.recipient
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.gate.wait()
            return await super().send(delivery)
        finally:
            self.under_way -= 1

    @property
    def recipients(self) -> list[str]:
        return [delivery.message.recipient for delivery in self.taken]


class WorkerBench:
    """A broker with empty queues, and as many workers as asked for."""

    def __init__(self, amqp_url: str, redis: "Redis") -> None:
        self.amqp_url = amqp_url
        self.redis = redis
        self.provider = GatedProvider()
        self.renderer = FakeRenderer()
        self.reports_class = AmqpReports
        self.breaker_rules = BreakerRules(failures=1_000)
        self._connection: AbstractConnection | None = None
        self._opened: AbstractChannel | None = None

    @classmethod
    @asynccontextmanager
    async def opened(cls, amqp_url: str, redis: "Redis") -> AsyncIterator["WorkerBench"]:
        """Empty all queues, before and after."""
        bench = cls(amqp_url, redis)
        await bench.connect()
        await bench.purge()
        yield bench
        await bench.connect()
        await bench.purge()
        await bench.close()

    async def connect(self) -> None:
        """Connect, or connect anew after the broker was away."""
        await self.close()
        self._connection = await aio_pika.connect(self.amqp_url)
        self._opened = await self._connection.channel()

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()

    @property
    def _channel(self) -> AbstractChannel:
        assert self._opened is not None
        return self._opened

    async def purge(self) -> None:
        for name in USED_QUEUES:
            queue = await self._channel.get_queue(name, ensure=False)
            await queue.purge()

    @asynccontextmanager
    async def worker(
        self,
        *,
        concurrency: int = 16,
        lease_seconds: float = 35.0,
        attempt_seconds: float = 30.0,
        drain_seconds: float = 5.0,
    ) -> AsyncIterator[Worker]:
        """A running worker process, but for the process."""
        metrics = DeliveryMetrics(Metrics())
        publisher = Publisher(self.amqp_url, name="test-publish", exchanges=EXCHANGES)
        reports = self.reports_class(publisher, metrics)
        providers = ProviderChain(
            [self.provider],
            RedisBreakers(self.redis, EMAIL, self.breaker_rules),
            attempt_seconds=attempt_seconds,
            concurrency=concurrency,
            metrics=metrics,
        )
        worker = Worker(
            amqp_url=self.amqp_url,
            notification_type=EMAIL,
            deliver=Deliver(
                claims=RedisClaims(self.redis, digests=DIGESTS, lease_seconds=lease_seconds),
                renderer=self.renderer,
                providers=providers,
                reports=reports,
                digests=DIGESTS,
                chances=Chances(),
                metrics=metrics,
            ),
            providers=providers,
            reports=reports,
            concurrency=concurrency,
            metrics=metrics,
            drain_seconds=drain_seconds,
            give_back_seconds=0.1,
        )
        publisher.start()
        await providers.start()
        worker.start()
        try:
            yield worker
        finally:
            await worker.stop()
            await providers.stop()
            await publisher.close()

    async def publish(self, *messages: DeliveryMessage) -> None:
        """Put deliveries into their lanes, as the gateway does."""
        await self.publish_raw(
            (lane_for(each.notification_type, each.priority), each.model_dump_json().encode())
            for each in messages
        )

    async def publish_raw(self, bodies: Iterable[tuple[str, bytes]], **headers: Any) -> None:
        exchange = await self._channel.get_exchange(NOTIFICATIONS_EXCHANGE, ensure=False)
        await asyncio.gather(
            *(
                exchange.publish(
                    aio_pika.Message(
                        body,
                        message_id=secrets.token_hex(8),
                        correlation_id="c-1",
                        delivery_mode=2,
                        headers=headers or None,
                    ),
                    lane,
                )
                for lane, body in bodies
            )
        )

    async def publish_repeated(self, message: DeliveryMessage) -> None:
        """Put a copy into its lane that says that it is not the first."""
        lane = lane_for(message.notification_type, message.priority)
        await self.publish_raw(
            [(lane, message.model_dump_json().encode())], **{HEADER_REPEATED: True}
        )

    async def outcomes(self) -> list[DeliveryOutcome]:
        """Take what was reported."""
        return [
            DeliveryOutcome.model_validate_json(message.body)
            for message in await self.take_all(OUTCOMES_QUEUE)
        ]

    async def dead_letters(self) -> list[AbstractIncomingMessage]:
        """Take what was given up."""
        return await self.take_all(FAILED_QUEUE)

    async def take_all(self, name: str) -> list[AbstractIncomingMessage]:
        queue = await self._channel.get_queue(name, ensure=False)
        taken: list[AbstractIncomingMessage] = []
        while (message := await queue.get(no_ack=True, fail=False)) is not None:
            taken.append(message)
        return taken

    async def left(self, *names: str) -> int:
        """Messages that wait in some queues, by a count that includes no unacknowledged ones."""
        total = 0
        for name in names:
            queue = await self._channel.declare_queue(name, passive=True)
            total += queue.declaration_result.message_count or 0
        return total

    async def until_left(self, count: int, *names: str, seconds: float = 20) -> None:
        """Wait until so many messages, and no more, wait in some queues."""
        async with asyncio.timeout(seconds):
            while True:
                if await self.left(*names) == count:
                    return
                await asyncio.sleep(0.05)

    async def until(self, condition: Callable[[], bool], seconds: float = 20) -> None:
        async with asyncio.timeout(seconds):
            while True:
                if condition():
                    return
                await asyncio.sleep(0.02)


def broken_bodies(count: int) -> list[bytes]:
    """Bodies that are no delivery, each in its own way."""
    kinds = [
        b"",
        b"not json",
        b"\xff\xfe\x00",
        b"[]",
        b"null",
        b'{"v": 1}',
        json.dumps({"v": 99, "delivery_id": "x" * 5000}).encode(),
        b'{"v": 1, ' + b'"a": ' * 3000,
        b"[" * 5000,
        b'"\\ud800"',
    ]
    return [kinds[number % len(kinds)] for number in range(count)]
