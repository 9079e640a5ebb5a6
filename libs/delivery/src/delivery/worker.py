"""Takes messages from a channel's two lanes and delivers them, a bounded number at a time.

Each delivery runs in a task of its own: aio-pika cancels the callbacks of a connection that drops,
and a send that is under way must not be cut off by that. The acknowledgement is then lost, the
copy comes again, and its claim is found settled.
"""

import asyncio
import contextlib
import functools
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import ValidationError

from contracts.delivery_message import HEADER_REPEATED, DeliveryMessage
from contracts.names import normal_lane, priority_lane
from contracts.notification import NotificationType
from delivery.amqp_reports import AmqpReports
from delivery.deliver import Deliver
from delivery.destinations import Destinations, destination_of
from delivery.failpoints import Failpoint, Failpoints
from delivery.lanes import Lanes
from delivery.metrics import DeliveryMetrics
from delivery.provider_chain import ProviderChain
from servicekit.correlation import accept_correlation_id, accept_traceparent, correlated
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge, give_back
from servicekit.tasks import end_task

_log = get_logger(__name__)

UNREADABLE: Final = "unreadable"
CRASH_TIER: Final = 16
CROWDED_TIER: Final = 16
DRAIN_SECONDS: Final = 20.0
GIVE_BACK_SECONDS: Final = 5.0
_CANCEL_SECONDS: Final = 1.0
_LOOK_SECONDS: Final = 0.5
"""How often it is looked whether a provider may be tried again, or a destination has become slow:
neither happens at a moment that anything else tells of."""
_PREFETCH: Final = 2
"""Messages of each lane here at once, per place: the next one is there when a place is free."""


@dataclass(frozen=True)
class _Received:
    """A message that is here; without a `delivery` it cannot be one, because of `defect`."""

    incoming: AbstractIncomingMessage
    delivery: DeliveryMessage | None
    destination: str | None = None
    defect: str = ""


class Worker:
    """One channel's consumer.

    Args:
        amqp_url: Where messages are consumed.
        notification_type: The channel.
        deliver: What is done with each message.
        providers: Tell how many deliveries may be under way; while it is none, no message is
            taken but for a probe.
        reports: Where unreadable messages go.
        concurrency: Deliveries under way at once, at most.
        metrics: Counts what is in flight.
        drain_seconds: What is under way when `stop` is called may take so long to end.
        give_back_seconds: Waited before a message goes back of which nothing could be reported,
            so that one that fails for ever does not fail in a hot loop.
        failpoints: Where a test wants us to die.
    """

    def __init__(
        self,
        *,
        amqp_url: str,
        notification_type: NotificationType,
        deliver: Deliver[Any],
        providers: ProviderChain[Any],
        reports: AmqpReports,
        concurrency: int,
        metrics: DeliveryMetrics,
        drain_seconds: float = DRAIN_SECONDS,
        give_back_seconds: float = GIVE_BACK_SECONDS,
        failpoints: Failpoints | None = None,
    ) -> None:
        self._deliver = deliver
        self._providers = providers
        self._reports = reports
        self._concurrency = concurrency
        self._metrics = metrics
        self._drain_seconds = drain_seconds
        self._give_back_seconds = give_back_seconds
        self._failpoints = failpoints or Failpoints()
        self._notification_type = notification_type
        self._priority_lane = priority_lane(notification_type)
        self._lanes: Lanes[_Received] = Lanes()
        self._destinations = Destinations(concurrency)
        self._tasks: set[asyncio.Task[None]] = set()
        self._stopping = False
        self._resting = False
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self.received = 0
        """Messages that came since the start."""
        self.subscriber = Subscriber(
            amqp_url,
            name=f"{notification_type}-consume",
            prefetch={
                self._priority_lane: _PREFETCH * concurrency,
                normal_lane(notification_type): _PREFETCH * concurrency,
            },
            receive=self._receive,
            # What still waited will come again; kept, it would pile up while the broker flaps.
            lost=self._forget,
        )
        providers.on_change(self._changed.set)

    def start(self) -> None:
        """Begin to consume."""
        self.subscriber.start()
        self._following = asyncio.create_task(self._follow_providers(), name="follow-providers")

    async def stop(self) -> None:
        """Take nothing new, finish what is under way, give the rest back to the broker.

        Takes 26 seconds at worst, with a broker that is frozen and a provider that hangs.
        """
        self._stopping = True
        await self.subscriber.pause()
        await end_task(self._following)
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

    @property
    def could_receive(self) -> bool:
        """Whether a message that waits in a lane should be on its way here."""
        room = len(self._tasks) + len(self._lanes) < self._concurrency
        return room and not (self._resting or self._stopping)

    def _forget(self) -> None:
        self._lanes.clear()

    def _receive(self, incoming: AbstractIncomingMessage) -> None:
        self.received += 1
        received = self._read(incoming)
        self._lanes.put(
            received,
            is_priority=incoming.routing_key == self._priority_lane,
            caller=received.delivery.client_id if received.delivery else "",
        )
        self._fill()

    def _read(self, incoming: AbstractIncomingMessage) -> _Received:
        try:
            message = DeliveryMessage.model_validate_json(incoming.body)
        except ValidationError as error:
            return _Received(incoming, None, defect=_describe(error))
        if message.notification_type is not self._notification_type:
            defect = (
                f"notification_type: {message.notification_type} in a lane for "
                f"{self._notification_type}"
            )
            return _Received(incoming, None, defect=defect)
        return _Received(incoming, message, destination_of(message))

    def _fill(self) -> None:
        if self._stopping or self._resting:
            return
        places = min(self._concurrency, self._providers.capacity())
        while len(self._lanes) and len(self._tasks) < places:
            received = self._lanes.take(_for_a(self._destinations.has_room))
            if received is not None:
                self._begin_work_on(received)
                continue
            crowded = self._lanes.take(_for_a(self._destinations.is_slow))
            if crowded is None:
                return
            # What is here is all for destinations that are full; others wait behind it.
            self._begin(self._step_aside(crowded))

    def _begin_work_on(self, received: _Received) -> asyncio.Task[None]:
        # Counted here and not in the task: a burst is looked at before the first of its tasks runs.
        ticket = self._destinations.begin(received.destination)
        return self._begin(self._work_on(received, ticket))

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        self._metrics.in_flight.set(len(self._tasks))
        task.add_done_callback(self._finished)
        return task

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._metrics.in_flight.set(len(self._tasks))
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("worker.task_failed", exc_info=error)
        self._fill()

    async def _follow_providers(self) -> None:
        """Rest while no provider takes anything, but for one message at a time as a probe."""
        while True:
            self._changed.clear()
            try:
                if self._providers.capacity():
                    await self._wake()
                else:
                    await self._rest()
                    await self._probe()
            except (ConnectionError, TimeoutError) as error:
                _log.info("worker.broker_away", error=str(error))
            except Exception:
                # A defect; resting for ever because of it would be worse than a try too many.
                _log.exception("worker.following_failed")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._changed.wait()

    async def _rest(self) -> None:
        if not self._resting:
            self._resting = True
            _log.warning("worker.resting", reason="no provider takes anything")
            await self.subscriber.suspend()
        # What was on its way when the broker was told comes after that.
        await asyncio.gather(*(give_back(item.incoming) for item in self._lanes.clear()))

    async def _wake(self) -> None:
        if self._resting:
            self._resting = False
            _log.info("worker.awake")
            await self.subscriber.resume()
        self._fill()

    async def _probe(self) -> None:
        if not await self._providers.reserve_probe():
            return
        incoming = await self.subscriber.take_one()
        if incoming is not None:
            self.received += 1
            probe = self._begin_work_on(self._read(incoming))
            # Not to its end: a report that the broker does not take must not keep us at rest.
            while self._providers.is_probing and not probe.done():
                await asyncio.wait([probe], timeout=_LOOK_SECONDS)
        await self._providers.give_back_probe()  # where there was nothing to be sent now
        if incoming is None:
            # Only our own asking has changed what is known; asking again at once never ended.
            self._changed.clear()

    async def _work_on(self, received: _Received, ticket: int) -> None:
        try:
            await self._handle(received)
        except Exception:
            # Nothing could be published of it, and not for want of a broker: a defect. Neither
            # acknowledged nor given back, it would take up its place here for ever.
            _log.exception("worker.message_given_back", message_id=received.incoming.message_id)
            await asyncio.sleep(self._give_back_seconds)
            await give_back(received.incoming)
        else:
            self._failpoints.reach(Failpoint.BEFORE_ACK)
            await acknowledge(received.incoming)
        finally:
            self._destinations.end(received.destination, ticket)

    async def _step_aside(self, received: _Received) -> None:
        assert received.delivery is not None
        self._metrics.stepped_aside.inc()
        await self._reports.hop(received.delivery, CROWDED_TIER)
        await acknowledge(received.incoming)

    async def _handle(self, received: _Received) -> None:
        message = received.delivery
        if message is None:
            await self._bury(received.incoming, received.defect)
            return
        with correlated(
            accept_correlation_id(message.correlation_id), accept_traceparent(message.traceparent)
        ):
            await self._deliver_one(message, repeated=_is_repeated(received.incoming))

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


def _for_a(destination_is: Callable[[str | None], bool]) -> Callable[[_Received], bool]:
    """Whether a message is for such a destination, asked once for each while the lanes are read."""
    asked = functools.cache(destination_is)
    return lambda received: asked(received.destination)


def _describe(error: ValidationError) -> str:
    return "; ".join(
        f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}"
        for item in error.errors(include_input=False)[:5]
    )


def _is_repeated(incoming: AbstractIncomingMessage) -> bool:
    return bool(incoming.redelivered) or bool(incoming.headers.get(HEADER_REPEATED))
