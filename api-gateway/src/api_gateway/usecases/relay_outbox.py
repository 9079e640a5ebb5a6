"""Publish what waits in the outbox, as fast as the workers take it, callers in turn.

That is what its caller had no window for, what fell due, and what the gateway left behind: it died
between commit and publish, or the broker was away. Safe to run in any number of processes: each
row is leased to one of them at a time, and a copy that was published twice is recognised by its
delivery's claim.
"""

from collections import Counter
from dataclasses import dataclass

from api_gateway.domain.turns import Pace
from api_gateway.usecases.ports import MessagePublisher, Outbox
from api_gateway.usecases.relay_ports import LaneDepths
from contracts.names import LANES


@dataclass(frozen=True)
class RelayRound:
    """What became of one batch.

    Attributes:
        tried: Rows that were to be published.
        confirmed: Those of them that the broker has.
        is_pressing: More wait, and workers are taking them.
    """

    tried: int
    confirmed: int
    is_pressing: bool


class RelayOutbox:
    """Publishes leased rows batch by batch.

    Args:
        outbox: Where they wait.
        publisher: Publishes them.
        depths: Says how much waits in the lanes already.
    """

    def __init__(self, outbox: Outbox, publisher: MessagePublisher, depths: LaneDepths) -> None:
        self._outbox = outbox
        self._publisher = publisher
        self._depths = depths
        self._paces = {lane: Pace() for lane in LANES}

    async def __call__(self) -> RelayRound:
        """Publish one batch.

        Raises:
            UnavailableError: The broker or the database is away.
        """
        ready = await self._depths.ready_counts(LANES)
        room = {lane: pace.room(ready[lane]) for lane, pace in self._paces.items()}
        messages = await self._outbox.lease({lane: rows for lane, rows in room.items() if rows})
        confirmed = await self._publisher.publish(messages) if messages else set()
        if confirmed:
            await self._outbox.published(sorted(confirmed))
        remaining = [message.id for message in messages if message.id not in confirmed]
        if remaining:
            await self._outbox.give_back(remaining)
        taken = Counter(message.routing_key for message in messages)
        for lane, pace in self._paces.items():
            pace.taken(taken[lane], room=room[lane], ready=ready[lane])
        is_pressing = any(pace.is_pressing for pace in self._paces.values())
        return RelayRound(len(messages), len(confirmed), is_pressing and not remaining)
