"""Takes messages from a channel's two lanes and delivers them, a bounded number at a time.

Each delivery runs in a task of its own: aio-pika cancels the callbacks of a connection that drops,
and a send that is under way must not be cut off by that. The acknowledgement is then lost, the
copy comes again, and its claim is found settled.
"""

import asyncio
from typing import Any, Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from contracts.delivery_message import HEADER_REPEATED, DeliveryMessage
from contracts.names import normal_lane, priority_lane
from contracts.notification import NotificationType
from delivery.amqp_reports import AmqpReports
from delivery.deliver import Deliver
from delivery.lanes import Lanes
from delivery.metrics import DeliveryMetrics
from servicekit.correlation import accept_correlation_id, accept_traceparent, correlated
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge, give_back

_log = get_logger(__name__)

UNREADABLE: Final = "unreadable"
CRASH_TIER: Final = 16
DRAIN_SECONDS: Final = 20.0
GIVE_BACK_SECONDS: Final = 5.0
_CANCEL_SECONDS: Final = 1.0


class Worker:
    """One channel's consumer.

    Args:
        amqp_url: Where messages are consumed.
        notification_type: The channel.
        deliver: What is done with each message.
        reports: Where unreadable messages go.
        concurrency: Deliveries under way at once; so many messages of each lane may be here.
        metrics: Counts what is in flight.
        drain_seconds: What is under way when `stop` is called may take so long to end.
        give_back_seconds: Waited before a message goes back of which nothing could be reported,
            so that one that fails for ever does not fail in a hot loop.
    """

    def __init__(
        self,
        *,
        amqp_url: str,
        notification_type: NotificationType,
        deliver: Deliver[Any],
        reports: AmqpReports,
        concurrency: int,
        metrics: DeliveryMetrics,
        drain_seconds: float = DRAIN_SECONDS,
        give_back_seconds: float = GIVE_BACK_SECONDS,
    ) -> None:
        self._deliver = deliver
        self._reports = reports
        self._concurrency = concurrency
        self._metrics = metrics
        self._drain_seconds = drain_seconds
        self._give_back_seconds = give_back_seconds
        self._notification_type = notification_type
        self._priority_lane = priority_lane(notification_type)
        self._lanes: Lanes[AbstractIncomingMessage] = Lanes()
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self.subscriber = Subscriber(
            amqp_url,
            name=f"{notification_type}-consume",
            prefetch={
                self._priority_lane: concurrency,
                normal_lane(notification_type): concurrency,
            },
            receive=self._receive,
            # What still waited will come again; kept, it would pile up while the broker flaps.
            lost=self._lanes.clear,
        )

    def start(self) -> None:
        """Begin to consume."""
        self.subscriber.start()

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, give the rest back to the broker.

        Takes 26 seconds at worst, with a broker that is frozen and a provider that hangs.
        """
        self._stopping = True
        await self.subscriber.pause()
        self._lanes.clear()
        if self._tasks:
            _log.info("worker.draining", in_flight=len(self._tasks))
            _, unfinished = await asyncio.wait(self._tasks, timeout=self._drain_seconds)
            for task in unfinished:
                task.cancel()
            if unfinished:
                _log.warning("worker.cut_off", deliveries=len(unfinished))
                await asyncio.wait(unfinished, timeout=_CANCEL_SECONDS)
        await self.subscriber.stop()

    def _receive(self, incoming: AbstractIncomingMessage) -> None:
        self._lanes.put(incoming, is_priority=incoming.routing_key == self._priority_lane)
        self._fill()

    def _fill(self) -> None:
        while not self._stopping and len(self._lanes) and len(self._tasks) < self._concurrency:
            task = asyncio.create_task(self._work_on(self._lanes.take()))
            self._tasks.add(task)
            task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._metrics.in_flight.set(len(self._tasks))
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("worker.task_failed", exc_info=error)
        self._fill()

    async def _work_on(self, incoming: AbstractIncomingMessage) -> None:
        self._metrics.in_flight.set(len(self._tasks))
        try:
            await self._handle(incoming)
        except Exception:
            # Nothing could be published of it, and not for want of a broker: a defect. Neither
            # acknowledged nor given back, it would take up its place here for ever.
            _log.exception("worker.message_given_back", message_id=incoming.message_id)
            await asyncio.sleep(self._give_back_seconds)
            await give_back(incoming)
        else:
            await acknowledge(incoming)

    async def _handle(self, incoming: AbstractIncomingMessage) -> None:
        try:
            message = DeliveryMessage.model_validate_json(incoming.body)
        except ValidationError as error:
            await self._bury(incoming, _describe(error))
            return
        if message.notification_type is not self._notification_type:
            await self._bury(
                incoming,
                f"notification_type: {message.notification_type} in a lane for "
                f"{self._notification_type}",
            )
            return
        with correlated(
            accept_correlation_id(message.correlation_id), accept_traceparent(message.traceparent)
        ):
            await self._deliver_one(message, repeated=_is_repeated(incoming))

    async def _deliver_one(self, message: DeliveryMessage, *, repeated: bool) -> None:
        try:
            await self._deliver(message, repeated=repeated)
        except Exception:
            # A defect of ours or of a provider's adapter. The claim stays open and lapses; what
            # does this three times is poison, and the claims send it to the dead letters.
            _log.exception(
                "worker.delivery_crashed",
                delivery_id=str(message.delivery_id),
                notification_id=message.notification_id,
            )
            await self._reports.hop(message, CRASH_TIER)

    async def _bury(self, incoming: AbstractIncomingMessage, detail: str) -> None:
        _log.error("worker.unreadable_message", message_id=incoming.message_id, detail=detail)
        await self._reports.dead_letter_raw(
            incoming.body,
            UNREADABLE,
            detail,
            message_id=incoming.message_id or "",
            correlation_id=incoming.correlation_id,
        )


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_input=False)[:5]
    )


def _is_repeated(incoming: AbstractIncomingMessage) -> bool:
    return bool(incoming.redelivered) or bool(incoming.headers.get(HEADER_REPEATED))
