"""How callers share the lanes: who may publish at once, and how much is published at a time.

A lane in the broker is first in, first out, so whatever one caller puts there delays everybody
behind it. Therefore lanes are kept short. What a caller sends beyond its window waits in the
outbox, and relays fill each lane from there, one row of each caller in turn, only as fast as the
workers empty it.
"""

from collections import Counter
from typing import Final

CROWDED_FROM: Final = 32
"""With so many messages that no worker has room for, a lane is crowded."""
CROWDED_SHARE: Final = 10
"""While a lane is crowded, a caller's window is this part of it."""

FEWEST: Final = 8
MOST: Final = 1_000


class LaneWindow:
    """What one process lets into one lane at once, between two measurements.

    Args:
        window: Messages of one caller that go at once; 0: all do.
    """

    def __init__(self, window: int) -> None:
        self._window = window
        self._ready = 0
        self._waiting: set[str] = set()
        self._is_waited_for = False
        self._sent: Counter[str] = Counter()
        self._refused = False

    @property
    def is_in_use(self) -> bool:
        """Whether it has to be measured: something was sent, or somebody waits."""
        return bool(self._sent) or self._refused or self.is_crowded

    @property
    def is_crowded(self) -> bool:
        """Whether the lane is long, or callers wait for their turn there."""
        return self._is_waited_for or self._ready >= CROWDED_FROM

    def goes_at_once(self, client_id: str) -> bool:
        """Whether one more message of this caller goes at once; it counts, if it does."""
        if not self._window:
            return True
        if client_id in self._waiting or not self._has_room(client_id):
            # What it sends next waits too, or it would overtake this.
            self._waiting.add(client_id)
            self._refused = True
            return False
        self._sent[client_id] += 1
        return True

    def measured(self, ready: int, waiting: set[str]) -> None:
        """Begin the next interval.

        Args:
            ready: Messages in the lane that no worker has room for.
            waiting: The callers who have rows that wait for their turn.
        """
        self._ready, self._waiting = ready, waiting
        self._is_waited_for = bool(waiting)
        self._sent.clear()
        self._refused = False

    def _has_room(self, client_id: str) -> bool:
        sent = self._sent[client_id]
        if not self.is_crowded:
            return sent < self._window
        is_full = self._ready + self._sent.total() >= 2 * CROWDED_FROM
        return not is_full and sent < max(1, self._window // CROWDED_SHARE)


class Pace:
    """How far a relay fills one lane: as little as keeps the workers busy until it comes again.

    Doubled when the lane ran empty while rows waited, and shrunk by an eighth while more than half
    of it is still there.
    """

    def __init__(self) -> None:
        self._target = FEWEST
        self._left_rows = False
        self._filled_to = 0
        self._moves = False

    @property
    def is_pressing(self) -> bool:
        """Whether rows wait and workers take them, so that the lane must be filled again soon."""
        return self._left_rows and self._moves

    def room(self, ready: int) -> int:
        """How many rows may be published now.

        Args:
            ready: Messages in the lane that no worker has room for.
        """
        self._moves = ready == 0 or ready < self._filled_to
        if ready == 0 and self._left_rows:
            self._target = min(MOST, 2 * self._target)
        elif 2 * ready > self._target:
            self._target = max(FEWEST, self._target * 7 // 8)
        return max(0, self._target - ready)

    def taken(self, count: int, *, room: int, ready: int) -> None:
        """Note how many rows there were for the room that was there."""
        self._filled_to = ready + count
        if room:
            self._left_rows = count >= room
