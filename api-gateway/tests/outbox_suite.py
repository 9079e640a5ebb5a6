"""How every `Outbox` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from api_gateway.usecases.ports import Outbox, OutboxMessage

MANY, FEW = 10, 2


@dataclass(frozen=True)
class FilledOutbox:
    """An outbox with these rows of one lane, free to be leased and in no hands yet, and no others.

    Of one caller there are `MANY`, and after them `FEW` of another.
    """

    outbox: Outbox
    rows: tuple[OutboxMessage, ...]

    def room(self, places: int) -> Mapping[str, int]:
        """So much room in the lane of the rows."""
        return {self.rows[0].routing_key: places}


def ids_of(messages: list[OutboxMessage]) -> list[int]:
    return [message.id for message in messages]


class OutboxSuite:
    @pytest.fixture
    def filled(self) -> FilledOutbox:
        raise NotImplementedError

    async def test_callers_take_turns_each_ones_oldest_first(self, filled: FilledOutbox) -> None:
        many, few = filled.rows[:MANY], filled.rows[MANY:]
        first = await filled.outbox.lease(filled.room(2))
        assert ids_of(first) == ids_of([many[0], few[0]])
        for message, row in zip(first, (many[0], few[0]), strict=True):
            assert message == row

    async def test_leases_in_turns(self, filled: FilledOutbox) -> None:
        many, few = filled.rows[:MANY], filled.rows[MANY:]
        leased = await filled.outbox.lease(filled.room(6))
        turns = [many[0], few[0], many[1], few[1], many[2]]
        assert ids_of(leased) == ids_of(turns)

    async def test_room_that_one_does_not_use_is_the_next_calls(self, filled: FilledOutbox) -> None:
        many = filled.rows[:MANY]
        await filled.outbox.lease(filled.room(4))
        assert ids_of(await filled.outbox.lease(filled.room(5))) == ids_of(list(many[2:7]))

    async def test_where_callers_are_more_than_places_each_has_a_chance(
        self, filled: FilledOutbox
    ) -> None:
        for _ in range(MANY + FEW):
            assert len(await filled.outbox.lease(filled.room(1))) == 1
        assert await filled.outbox.lease(filled.room(1)) == []

    async def test_takes_nothing_for_other_lanes(self, filled: FilledOutbox) -> None:
        assert await filled.outbox.lease({"push.queue": 100}) == []
        assert await filled.outbox.lease({}) == []

    async def test_no_row_is_leased_twice(self, filled: FilledOutbox) -> None:
        batches = await asyncio.gather(*(filled.outbox.lease(filled.room(2)) for _ in range(8)))
        leased = [message.id for batch in batches for message in batch]
        assert len(leased) == len(set(leased))
        while more := await filled.outbox.lease(filled.room(100)):  # those skipped as locked
            leased += ids_of(more)
        assert sorted(leased) == ids_of(list(filled.rows))

    async def test_what_was_published_is_gone(self, filled: FilledOutbox) -> None:
        leased = await filled.outbox.lease(filled.room(4))
        await filled.outbox.published(ids_of(leased))
        await filled.outbox.published(ids_of(leased))
        rest = await filled.outbox.lease(filled.room(100))
        assert sorted(ids_of(leased) + ids_of(rest)) == ids_of(list(filled.rows))
