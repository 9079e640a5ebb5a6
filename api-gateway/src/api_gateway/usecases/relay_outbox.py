"""Publish what the gateway left behind: it died between commit and publish, or the broker was away.

Safe to run in any number of processes: each row is leased to one of them at a time, and a copy
that was published twice is recognised by its delivery's claim.
"""

from typing import Final

from api_gateway.usecases.ports import MessagePublisher, Outbox

BATCH: Final = 200


class RelayOutbox:
    """Publishes leased rows batch by batch."""

    def __init__(self, outbox: Outbox, publisher: MessagePublisher) -> None:
        self._outbox = outbox
        self._publisher = publisher

    async def __call__(self) -> tuple[int, int]:
        """Publish one batch.

        Returns:
            How many rows were tried, and how many the broker confirmed.
        """
        messages = await self._outbox.lease(BATCH)
        if not messages:
            return 0, 0
        confirmed = await self._publisher.publish(messages)
        if confirmed:
            await self._outbox.published(sorted(confirmed))
        remaining = [message.id for message in messages if message.id not in confirmed]
        if remaining:
            await self._outbox.give_back(remaining)
        return len(messages), len(confirmed)
