"""The order in which waiting messages are taken: priority ahead, nobody starved.

Neither the other lane is, nor within a lane one caller by another's flood.
"""

from collections import OrderedDict, deque
from collections.abc import Callable
from typing import Final, Generic, TypeVar

ItemT = TypeVar("ItemT")

PRIORITY_SHARE: Final = 4
"""While both lanes wait, so many of the priority lane are taken for one of the other."""


def _any(_: object) -> bool:
    return True


class Lanes(Generic[ItemT]):
    """Two waiting lines, taken from by weight; in each of them callers take turns."""

    def __init__(self, priority_share: int = PRIORITY_SHARE) -> None:
        self._priority_share = priority_share
        self._priority: _Line[ItemT] = _Line()
        self._normal: _Line[ItemT] = _Line()
        self._taken_in_a_row = 0

    def __len__(self) -> int:
        return len(self._priority) + len(self._normal)

    def put(self, item: ItemT, *, is_priority: bool, caller: str = "") -> None:
        """Let an item wait in its lane, behind those of the same caller."""
        (self._priority if is_priority else self._normal).put(item, caller)

    def take(self, may_go: Callable[[ItemT], bool] = _any) -> ItemT | None:
        """The next item that may go; None: no item may.

        An item that may not go lets those behind it pass, and keeps its place.
        """
        owed = self._taken_in_a_row >= self._priority_share
        if owed and (item := self._normal.take(may_go)) is not None:
            self._taken_in_a_row = 0
            return item
        if (item := self._priority.take(may_go)) is not None:
            self._taken_in_a_row = self._taken_in_a_row + 1 if len(self._normal) else 0
            return item
        self._taken_in_a_row = 0
        return self._normal.take(may_go)

    def clear(self) -> list[ItemT]:
        """Forget what waits; returns it."""
        return [*self._priority.clear(), *self._normal.clear()]


class _Line(Generic[ItemT]):
    """A waiting line with a place for each caller: whoever was served goes to the end of it."""

    def __init__(self) -> None:
        self._by_caller: OrderedDict[str, deque[ItemT]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def put(self, item: ItemT, caller: str) -> None:
        self._by_caller.setdefault(caller, deque()).append(item)
        self._length += 1

    def take(self, may_go: Callable[[ItemT], bool]) -> ItemT | None:
        for caller, items in self._by_caller.items():
            for place, item in enumerate(items):
                if may_go(item):
                    del items[place]
                    self._length -= 1
                    self._by_caller.move_to_end(caller)
                    if not items:
                        del self._by_caller[caller]
                    return item
        return None

    def clear(self) -> list[ItemT]:
        waiting = [item for items in self._by_caller.values() for item in items]
        self._by_caller.clear()
        self._length = 0
        return waiting
