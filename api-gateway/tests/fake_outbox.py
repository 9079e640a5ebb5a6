"""The outbox in memory; `OutboxSuite` shows that it behaves as PostgreSQL does."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from api_gateway.usecases.ports import OutboxMessage


class FakeOutbox:
    """`callers`: whose a row is, where it matters; `error`: raised by the next calls."""

    def __init__(
        self, rows: Sequence[OutboxMessage] = (), callers: Mapping[int, str] | None = None
    ) -> None:
        self.free = {row.id: row for row in rows}
        self.leased: dict[int, OutboxMessage] = {}
        self.error: Exception | None = None
        self._callers = callers or {}
        self._touched: set[int] = set()

    async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
        self._fail()
        turns: list[tuple[int, int]] = []
        for lane, places in room.items():
            lines: dict[str, list[int]] = {}
            for row_id in sorted(key for key, row in self.free.items() if row.routing_key == lane):
                lines.setdefault(self._callers.get(row_id, ""), []).append(row_id)
            for line in list(lines.values())[:places]:
                share = math.ceil(places / len(lines))
                turns += list(enumerate(line[:share]))
        taken = [self.free.pop(row_id) for _, row_id in sorted(turns)]
        self.leased.update((row.id, row) for row in taken)
        leased = [replace(row, may_be_repeated=row.id in self._touched) for row in taken]
        self._touched |= {row.id for row in taken}
        return leased

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
