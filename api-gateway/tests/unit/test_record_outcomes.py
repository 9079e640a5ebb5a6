from collections.abc import Sequence
from uuid import UUID

import pytest
from samples import outcome
from structlog.testing import capture_logs

from api_gateway.usecases.record_outcomes import RecordOutcomes
from api_gateway.usecases.relay_ports import UnstorableOutcomesError
from contracts.outcome import DeliveryOutcome
from servicekit.errors import UnavailableError


class Recorder:
    """Records what it is given, but for the `unstorable`; raises `errors` first."""

    def __init__(
        self, *errors: Exception, unstorable: Sequence[UUID] = (), unknown: Sequence[UUID] = ()
    ) -> None:
        self.recorded: list[UUID] = []
        self._errors = list(errors)
        self._unstorable = set(unstorable)
        self._unknown = set(unknown)

    async def record(self, outcomes: Sequence[DeliveryOutcome]) -> set[UUID]:
        if self._errors:
            raise self._errors.pop(0)
        ids = [one.event_id for one in outcomes]
        if self._unstorable & set(ids):
            msg = "refused"
            raise UnstorableOutcomesError(msg)
        self.recorded += [one for one in ids if one not in self._unknown]
        return self._unknown & set(ids)


def events(count: int) -> tuple[list[DeliveryOutcome], list[UUID]]:
    made = [outcome() for _ in range(count)]
    return made, [one.event_id for one in made]


async def test_records_nothing_for_nothing() -> None:
    recorder = Recorder(RuntimeError("asked"))
    assert await RecordOutcomes(recorder)([]) == set()


async def test_an_event_that_cannot_be_recorded_does_not_keep_the_others_from_it() -> None:
    batch, ids = events(5)
    recorder = Recorder(unstorable=[ids[1]], unknown=[ids[3]])
    with capture_logs() as lines:
        assert await RecordOutcomes(recorder)(batch) == {ids[1], ids[3]}
    assert recorder.recorded == [ids[0], ids[2], ids[4]]
    assert [line["event"] for line in lines] == ["outcome.unstorable", "outcome.unknown_delivery"]


@pytest.mark.parametrize(
    ("error", "told"),
    [(UnavailableError("PostgreSQL is away"), "PostgreSQL is away"), (ValueError(), "ValueError")],
)
async def test_tries_again_for_as_long_as_it_takes_and_says_why(
    error: Exception, told: str
) -> None:
    batch, ids = events(2)
    troubles: list[str | None] = []

    async def pause(_: float) -> None:
        troubles.append(record.trouble)

    recorder = Recorder(error, error)
    record = RecordOutcomes(recorder, sleep=pause)
    assert await record(batch) == set()
    assert (troubles, record.trouble, recorder.recorded) == ([told, told], None, ids)
