"""Records the workers' events, a batch in one transaction."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy.exc import DBAPIError

from api_gateway.adapters.outcome_merge import merge_outcomes
from api_gateway.adapters.refused_values import refusal_of
from api_gateway.domain.silence import RECONCILE_AFTER
from api_gateway.usecases.relay_ports import UnstorableOutcomesError
from contracts.outcome import DeliveryOutcome
from servicekit.database import Database


class PostgresOutcomeRecorder:
    """Implements `usecases.relay_ports.OutcomeRecorder`.

    Args:
        database: The gateway's.
        reconcile_after: How long a pending delivery may be silent after an event.
    """

    def __init__(self, database: Database, *, reconcile_after: timedelta = RECONCILE_AFTER) -> None:
        self._database = database
        self._reconcile_after = reconcile_after

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        """Merge events into the state; returns the ids of those that belong to nothing."""
        try:
            async with self._database.transaction() as connection:
                return await merge_outcomes(
                    connection, outcomes, reconcile_after=self._reconcile_after
                )
        except DBAPIError as error:
            if (state := refusal_of(error)) is None:
                raise
            msg = f"PostgreSQL refused an event: SQLSTATE {state}"
            raise UnstorableOutcomesError(msg) from error
