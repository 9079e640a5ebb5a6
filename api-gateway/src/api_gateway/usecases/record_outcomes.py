"""Record the workers' events, whatever the database says: again while it is away, else in halves.

An event that can never be recorded must not keep the others of its batch from being recorded; by
halving it is found in a few transactions.
"""

import asyncio
from collections.abc import Sequence
from uuid import UUID

from api_gateway.usecases.persistence import Persistence, Sleep
from api_gateway.usecases.relay_ports import OutcomeRecorder, UnstorableOutcomesError
from contracts.outcome import DeliveryOutcome
from servicekit.logs import get_logger

_log = get_logger(__name__)


class RecordOutcomes:
    """Records batches of events.

    Args:
        recorder: Takes the events.
        sleep: Waits, in seconds, before a batch is tried again.
    """

    def __init__(self, recorder: OutcomeRecorder, *, sleep: Sleep = asyncio.sleep) -> None:
        self._recorder = recorder
        self._until_stored = Persistence(
            "outcomes.not_recorded", hopeless=UnstorableOutcomesError, sleep=sleep
        )

    @property
    def trouble(self) -> str | None:
        """Why the present batch could not be recorded so far; None: nothing is wrong."""
        return self._until_stored.trouble

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        """Record events; returns when each of them is recorded or refused for good.

        Returns:
            The ids of those that can never be recorded.
        """
        if not outcomes:
            return set()
        try:
            unknown = await self._until_stored(
                lambda: self._recorder.record(outcomes), count=len(outcomes)
            )
        except UnstorableOutcomesError as error:
            if len(outcomes) == 1:
                _log.error("outcome.unstorable", **_ids_of(outcomes[0]), error=str(error))
                return {outcomes[0].event_id}
            middle = len(outcomes) // 2
            return await self(outcomes[:middle]) | await self(outcomes[middle:])
        for outcome in outcomes:
            if outcome.event_id in unknown:
                _log.error("outcome.unknown_delivery", **_ids_of(outcome))
        return unknown


def _ids_of(outcome: DeliveryOutcome) -> dict[str, str]:
    return {
        "delivery_id": str(outcome.delivery_id),
        "notification_id": outcome.notification_id,
        "correlation_id": outcome.correlation_id,
    }
