"""The outbox in memory; `OutboxSuite` shows that it behaves as PostgreSQL does."""

from collections.abc import Sequence
from dataclasses import replace

from api_gateway.usecases.ports import OutboxMessage


class FakeOutbox:
    """`error`: raised by the next calls."""

    def __init__(self, rows: Sequence[OutboxMessage] = ()) -> None:
        self.free = {row.id: row for row in rows}
        self.leased: dict[int, OutboxMessage] = {}
        self.error: Exception | None = None

    async def lease(self, limit: int) -> list[OutboxMessage]:
        self._fail()
        taken = [self.free.pop(row_id) for row_id in sorted(self.free)[:limit]]
        self.leased.update((row.id, row) for row in taken)
        return [replace(row, may_be_repeated=True) for row in taken]

    async def published(self, ids: Sequence[int]) -> None:
        self._fail()
        for row_id in ids:
            self.leased.pop(row_id, None)
            self.free.pop(row_id, None)

    async def give_back(self, ids: Sequence[int]) -> None:
        self._fail()
        self.free.update({row_id: self.leased.pop(row_id) for row_id in ids})

    def _fail(self) -> None:
        if self.error is not None:
            raise self.error
