"""How every `Snapshots` behaves; inherited by the tests of the fake and of Redis."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import pytest
from samples import new_template

from contracts.template_snapshot import TemplateSnapshot
from template_service.domain.ports import Snapshots


@dataclass(frozen=True)
class Readable:
    """Snapshots, and the view that the gateway has of them."""

    snapshots: Snapshots
    read: Callable[[str], Awaitable[TemplateSnapshot | None]]


class SnapshotsSuite:
    @pytest.fixture
    def readable(self) -> Readable:
        raise NotImplementedError

    async def test_shows_what_was_stored(self, readable: Readable) -> None:
        snapshot = new_template().template.snapshot()
        assert await readable.read(snapshot.code) is None
        await readable.snapshots.store(snapshot)
        assert await readable.read(snapshot.code) == snapshot

    async def test_the_newer_row_wins_whatever_the_order(self, readable: Readable) -> None:
        old = new_template().template.snapshot()
        new = old.model_copy(update={"row_version": 2, "category": "news"})
        for snapshot in (old, new, old):
            await readable.snapshots.store(snapshot)
        assert await readable.read(old.code) == new
