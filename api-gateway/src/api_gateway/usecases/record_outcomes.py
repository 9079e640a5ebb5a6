"""Record the workers' events, whatever the database says: again while it is away, else one by one.

An event that can never be recorded must not keep the others of its batch from being recorded.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Final
from uuid import UUID

from api_gateway.usecases.ports import OutcomeRecorder, UnstorableOutcomesError
from contracts.outcome import DeliveryOutcome
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger

_log = get_logger(__name__)

_RETRY_SECONDS: Final = 1.0


class RecordOutcomes:
    """Records batches of events.

    Args:
        recorder: Takes the events.
        sleep: Waits, in seconds, before a batch is tried again.
    """

    def __init__(
        self,
        recorder: OutcomeRecorder,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._recorder = recorder
        self._sleep = sleep
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why the present batch could not be recorded so far; None: nothing is wrong."""
        return self._trouble

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        """Record events; returns when each of them is recorded or refused for good.

        Returns:
            The ids of those that can never be recorded.
        """
        if not outcomes:
            return set()
        try:
            unknown = await self._record_until_stored(outcomes)
        except UnstorableOutcomesError as error:
            if len(outcomes) == 1:
                _log.error("outcome.unstorable", **_ids_of(outcomes[0]), error=str(error))
                return {outcomes[0].event_id}
            refused: set[UUID] = set()
            for one in outcomes:
                refused |= await self([one])
            return refused
        for outcome in outcomes:
            if outcome.event_id in unknown:
                _log.error("outcome.unknown_delivery", **_ids_of(outcome))
        return unknown

    async def _record_until_stored(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        while True:
            try:
                unknown = await self._recorder.record(outcomes)
            except UnstorableOutcomesError:
                self._trouble = None
                raise
            except UnavailableError as error:
                self._trouble = error.message
                _log.warning("outcomes.not_recorded", count=len(outcomes), error=error.message)
            except Exception as error:
                # A defect, or a database that is not as we know it: nothing may be thrown away,
                # and readiness and log say that nothing moves.
                self._trouble = type(error).__name__
                _log.exception("outcomes.not_recorded", count=len(outcomes))
            else:
                self._trouble = None
                return unknown
            await self._sleep(_RETRY_SECONDS)


def _ids_of(outcome: DeliveryOutcome) -> dict[str, str]:
    return {
        "delivery_id": str(outcome.delivery_id),
        "notification_id": outcome.notification_id,
        "correlation_id": outcome.correlation_id,
    }
