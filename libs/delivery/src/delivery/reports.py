"""The port through which deliveries leave traces in RabbitMQ: outcomes, hops and dead letters."""

from typing import Protocol

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome


class Reports(Protocol):
    """Publishes what follows from a delivery; each call returns when the broker has it.

    A broker that is away is waited for: until the publication is confirmed the message that caused
    it stays unacknowledged, so that nothing is lost whichever of us dies first.
    """

    async def outcome(self, outcome: DeliveryOutcome) -> None:
        """Report an event of a delivery's history."""
        ...

    async def hop(self, message: DeliveryMessage, tier: int) -> None:
        """Send a message round the retry tier of so many seconds, back to its lane."""
        ...

    async def dead_letter(self, message: DeliveryMessage, reason: str, detail: str) -> None:
        """Put a message where an operator can see and replay it."""
        ...
