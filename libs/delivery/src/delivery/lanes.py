"""The order in which waiting messages are taken: priority ahead, the other lane never starved."""

from collections import deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

ItemT = TypeVar("ItemT")

PRIORITY_SHARE: Final = 4
"""While both lanes wait, so many of the priority lane are taken for one of the other."""


def _any(_: object) -> bool:
    return True


class Lanes(Generic[ItemT]):
    """Two waiting lines, taken from by weight."""

    def __init__(self, priority_share: int = PRIORITY_SHARE) -> None:
        self._priority_share = priority_share
        self._priority: deque[ItemT] = deque()
        self._normal: deque[ItemT] = deque()
        self._taken_in_a_row = 0

    def __len__(self) -> int:
        return len(self._priority) + len(self._normal)

    def put(self, item: ItemT, *, is_priority: bool) -> None:
        """Let an item wait at the end of its lane."""
        (self._priority if is_priority else self._normal).append(item)

    def take(self, may_go: Callable[[ItemT], bool] = _any) -> ItemT | None:
        """The next item that may go; None: no item may.

        An item that may not go lets those behind it pass, and keeps its place.
        """
        owed = self._taken_in_a_row >= self._priority_share
        if owed and (item := _take_first(self._normal, may_go)) is not None:
            self._taken_in_a_row = 0
            return item
        if (item := _take_first(self._priority, may_go)) is not None:
            self._taken_in_a_row = self._taken_in_a_row + 1 if self._normal else 0
            return item
        self._taken_in_a_row = 0
        return _take_first(self._normal, may_go)

    def clear(self) -> list[ItemT]:
        """Forget what waits; returns it."""
        waiting = [*self._priority, *self._normal]
        self._priority.clear()
        self._normal.clear()
        return waiting


def _take_first(lane: deque[ItemT], may_go: Callable[[ItemT], bool]) -> ItemT | None:
    for place, item in enumerate(lane):
        if may_go(item):
            del lane[place]
            return item
    return None
