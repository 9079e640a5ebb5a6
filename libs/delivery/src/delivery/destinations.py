"""Keeps one slow destination from taking all the places where deliveries are under way.

A destination is the host that mail for an address ends up at: what is slow is mostly a receiving
server, and a worker that waits for one in all its places serves nobody. Beside others a destination
gets three quarters of the places at most, and one quarter while it is slow and the others are not.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationType

_MOST: Final = 0.75
_SLOW_SHARE: Final = 0.25
_SLOW_SECONDS: Final = 2.0
_SLOWER_THAN_OTHERS: Final = 3.0
_WEIGHT_OF_LAST: Final = 0.3
_REMEMBERED: Final = 1_000
_FRESH_SECONDS: Final = 120.0
"""What was seen of a destination before that says nothing about it now."""


def destination_of(message: DeliveryMessage) -> str | None:
    """The host behind a recipient; None where all recipients are behind the provider itself."""
    if message.notification_type is not NotificationType.EMAIL:
        return None
    return message.recipient.rpartition("@")[2].lower()


@dataclass
class _Destination:
    began: dict[int, float] = field(default_factory=dict)
    seconds: float | None = None
    seen: float = 0.0

    def delay(self, now: float) -> float:
        """What an attempt takes there: what they took, or what one under way takes already."""
        longest = now - min(self.began.values(), default=now)
        return max(self.seconds or 0.0, longest)


class Destinations:
    """Counts what is under way to each destination, and how long it takes.

    Args:
        places: Deliveries that may be under way in all.
        monotonic: Seconds of a clock that does not jump.
    """

    def __init__(self, places: int, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._places = places
        self._most = max(1, round(places * _MOST))
        self._slow_share = max(1, round(places * _SLOW_SHARE))
        self._monotonic = monotonic
        self._known: OrderedDict[str, _Destination] = OrderedDict()
        self._tickets = 0

    def has_room(self, name: str | None) -> bool:
        """Whether one more may go there now."""
        known = self._known.get(name) if name is not None else None
        if known is None or len(known.began) < self._slow_share:
            return True
        most = self._places if self._is_alone(known) else self._most
        return len(known.began) < most and not self._is_slow(known)

    def is_slow(self, name: str | None) -> bool:
        """Whether it takes much longer than the others now."""
        known = self._known.get(name) if name is not None else None
        return known is not None and self._is_slow(known)

    def begin(self, name: str | None) -> int:
        """An attempt is under way; returns its ticket for `end`."""
        self._tickets += 1
        if name is not None:
            known = self._known.setdefault(name, _Destination())
            known.began[self._tickets] = known.seen = self._monotonic()
            self._known.move_to_end(name)
            self._forget_the_oldest()
        return self._tickets

    def end(self, name: str | None, ticket: int) -> None:
        """It has ended, however."""
        if name is None:
            return
        known, now = self._known[name], self._monotonic()
        took = now - known.began.pop(ticket)
        known.seen = now
        known.seconds = (
            took
            if known.seconds is None
            else known.seconds + _WEIGHT_OF_LAST * (took - known.seconds)
        )

    def _is_alone(self, known: _Destination) -> bool:
        latest = (other for other in reversed(self._known.values()) if other is not known)
        other = next(latest, None)
        return other is None or self._monotonic() - other.seen > _FRESH_SECONDS

    def _is_slow(self, known: _Destination) -> bool:
        now = self._monotonic()
        delay = known.delay(now)
        if delay < _SLOW_SECONDS:
            return False
        # If all are slow it is the provider, and no destination stands in another's way.
        others = (
            other.delay(now)
            for other in self._known.values()
            if other is not known and now - other.seen < _FRESH_SECONDS
        )
        return min(others, default=delay) * _SLOWER_THAN_OTHERS < delay

    def _forget_the_oldest(self) -> None:
        while len(self._known) > _REMEMBERED:
            name, oldest = next(iter(self._known.items()))
            if oldest.began:
                self._known.move_to_end(name)
                return
            del self._known[name]
