"""`users.suppressions`: outcomes of deliveries, some of which say that an address is dead.

A message is acknowledged after its suppression was stored and told; one that cannot be read goes
to the dead letters. Meanwhile the broker keeps what has not been fetched.
"""

import asyncio
import contextlib
from datetime import UTC, datetime
from typing import Annotated, Final

from aio_pika.abc import AbstractIncomingMessage
from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, ValidationError

from contracts.names import SUPPRESSIONS_QUEUE
from contracts.outcome import DeliveryOutcome
from contracts.suppression import SuppressionNotice
from servicekit.amqp import ConnectionFailed, losses_as_connection_errors
from servicekit.logs import get_logger
from servicekit.subscriber import Subscriber, acknowledge
from servicekit.tasks import check_running, end_task
from servicekit.text_types import NO_NUL
from user_service.domain.suppression import Suppression
from user_service.usecases.record_suppression import RecordSuppression

_log = get_logger(__name__)

PREFETCH: Final = 100


def _in_utc(value: datetime) -> datetime:
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        msg = "is beyond the calendar's end"
        raise ValueError(msg) from error


_Moment = Annotated[AwareDatetime, AfterValidator(_in_utc)]


class _Notice(SuppressionNotice):
    """Holds only what PostgreSQL can store: what it refused would be tried again for ever."""

    address_digest: str = Field(pattern=r"^[0-9a-f]{64}$")
    source: Annotated[str, StringConstraints(max_length=100), NO_NUL]
    expires_at: _Moment | None = None


class _Outcome(DeliveryOutcome):
    at: _Moment
    suppression: _Notice | None = None


class SuppressionConsumer:
    """Feeds `RecordSuppression` from the queue.

    Args:
        amqp_url: `amqp://…`.
        record_suppression: Records one.
    """

    def __init__(self, amqp_url: str, record_suppression: RecordSuppression) -> None:
        self._record_suppression = record_suppression
        self._received: asyncio.Queue[AbstractIncomingMessage] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._subscriber = Subscriber(
            amqp_url,
            name="user-service-consume",
            prefetch={SUPPRESSIONS_QUEUE: PREFETCH},
            receive=self._received.put_nowait,
            lost=self._forget,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._subscriber.start()
        self._task = asyncio.create_task(self._run(), name="suppression-consumer")

    async def stop(self) -> None:
        """Stop; what was not recorded is consumed again by another replica, or the next start."""
        await self._subscriber.pause()
        await end_task(self._task)
        await self._subscriber.stop()

    async def check(self) -> None:
        """Raise when no outcomes can come, or when they cannot be recorded."""
        await self._subscriber.check()
        check_running(self._task)
        if self._record_suppression.trouble is not None:
            raise RuntimeError(self._record_suppression.trouble)

    def _forget(self) -> None:
        """What was received over a lost connection comes again."""
        while not self._received.empty():
            self._received.get_nowait()

    async def _run(self) -> None:
        while True:
            message = await self._received.get()
            try:
                outcome = _Outcome.model_validate_json(message.body)
            except ValidationError as error:
                _log.error(
                    "suppression.unreadable",
                    message_id=message.message_id,
                    errors=error.error_count(),
                )
                await _refuse(message)
                continue
            if outcome.suppression is not None:
                await self._record(outcome, outcome.suppression)
            await acknowledge(message)

    async def _record(self, outcome: DeliveryOutcome, notice: SuppressionNotice) -> None:
        await self._record_suppression(
            Suppression(
                address_digest=notice.address_digest,
                notification_type=notice.notification_type,
                reason=notice.reason,
                source=notice.source,
                created_at=outcome.at,
                expires_at=notice.expires_at,
            )
        )
        _log.info(
            "suppression.recorded",
            reason=notice.reason.value,
            source=notice.source,
            notification_id=outcome.notification_id,
            delivery_id=str(outcome.delivery_id),
            correlation_id=outcome.correlation_id,
        )


async def _refuse(message: AbstractIncomingMessage) -> None:
    """Let the broker move it to the dead letters."""
    with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
        await message.reject(requeue=False)
