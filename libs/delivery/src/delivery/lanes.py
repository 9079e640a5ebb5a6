"""The order in which waiting messages are taken: priority ahead, the other lane never starved."""

from collections import deque
from typing import Final, Generic, TypeVar

ItemT = TypeVar("ItemT")

PRIORITY_SHARE: Final = 4
"""While both lanes wait, so many of the priority lane are taken for one of the other."""


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

    def take(self) -> ItemT:
        """The next item.

        Raises:
            IndexError: None waits.
        """
        owed = self._taken_in_a_row >= self._priority_share
        if self._priority and not (owed and self._normal):
            self._taken_in_a_row = self._taken_in_a_row + 1 if self._normal else 0
            return self._priority.popleft()
        self._taken_in_a_row = 0
        return self._normal.popleft()

    def clear(self) -> None:
        """Forget what waits."""
        self._priority.clear()
        self._normal.clear()
