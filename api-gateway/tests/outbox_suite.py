"""How every `Outbox` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
from dataclasses import dataclass

import pytest

from api_gateway.usecases.ports import Outbox, OutboxMessage


@dataclass(frozen=True)
class FilledOutbox:
    """An outbox with these rows, free to be leased, and no others."""

    outbox: Outbox
    rows: tuple[OutboxMessage, ...]


def ids_of(messages: list[OutboxMessage]) -> list[int]:
    return [message.id for message in messages]


class OutboxSuite:
    @pytest.fixture
    def filled(self) -> FilledOutbox:
        """Ten rows."""
        raise NotImplementedError

    async def test_leases_the_oldest_marked_as_perhaps_repeated(self, filled: FilledOutbox) -> None:
        leased = await filled.outbox.lease(3)
        assert ids_of(leased) == ids_of(list(filled.rows[:3]))
        for message, row in zip(leased, filled.rows, strict=False):
            assert message.may_be_repeated
            assert (message.body, message.routing_key) == (row.body, row.routing_key)
            assert (message.delivery_id, message.correlation_id) == (
                row.delivery_id,
                row.correlation_id,
            )

    async def test_no_row_is_leased_twice(self, filled: FilledOutbox) -> None:
        batches = await asyncio.gather(*(filled.outbox.lease(2) for _ in range(8)))
        leased = [message.id for batch in batches for message in batch]
        assert len(leased) == len(set(leased))
        leased += ids_of(await filled.outbox.lease(100))  # those that were skipped as locked
        assert sorted(leased) == ids_of(list(filled.rows))
        assert await filled.outbox.lease(100) == []

    async def test_what_was_published_is_gone(self, filled: FilledOutbox) -> None:
        leased = await filled.outbox.lease(4)
        await filled.outbox.published(ids_of(leased))
        await filled.outbox.published(ids_of(leased))
        rest = await filled.outbox.lease(100)
        assert ids_of(rest) == ids_of(list(filled.rows[4:]))
