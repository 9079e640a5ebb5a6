"""An email worker with one part replaced by a broken one, to see whether the checker notices.

Run as a program, in place of `email_service.main`: `python sabotaged_email_service.py no-claim`.
Nothing in the real service knows of this; the parts are exchanged where the real ones are put
together, in a process of its own.
"""

import asyncio
import random
import sys
from typing import Final

from aio_pika.abc import AbstractIncomingMessage

import delivery.application
from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome
from delivery.amqp_reports import AmqpReports
from delivery.claims import Claim, Settlement, Verdict
from delivery.redis_claims import RedisClaims
from delivery.worker import Worker
from email_service.main import main
from servicekit.subscriber import acknowledge

_DROPPED: Final = 0.2


class AcknowledgingFirst(Worker):
    """Tells the broker that a message is done with before anything is done with it."""

    def _receive(self, incoming: AbstractIncomingMessage) -> None:
        self._too_early: set[asyncio.Task[None]] = getattr(self, "_too_early", set())
        acknowledging = asyncio.create_task(acknowledge(incoming))
        self._too_early.add(acknowledging)
        acknowledging.add_done_callback(self._too_early.discard)
        super()._receive(incoming)


class DroppingOutcomes(AmqpReports):
    """Reports four of five outcomes."""

    async def outcome(self, outcome: DeliveryOutcome) -> None:
        """Report an event of a delivery's history, or forget it."""
        if random.random() >= _DROPPED:
            await super().outcome(outcome)


class NoClaims(RedisClaims):
    """Grants every copy of a message."""

    async def claim(self, message: DeliveryMessage) -> Claim:
        """Ask, and send whatever the answer is."""
        claim = await super().claim(message)
        return Claim(Verdict.CLAIMED, claim.now, claim.token)

    async def settle(self, message: DeliveryMessage, settlement: Settlement, token: str) -> bool:
        """Record, and go on whoever has the delivery."""
        await super().settle(message, settlement, token)
        return True


SABOTAGES: Final[dict[str, tuple[str, type]]] = {
    "acknowledges-first": ("Worker", AcknowledgingFirst),
    "drops-outcomes": ("AmqpReports", DroppingOutcomes),
    "no-claim": ("RedisClaims", NoClaims),
}


def sabotage(kind: str) -> None:
    """Exchange the part; fails where the worker is no longer put together from it."""
    name, part = SABOTAGES[kind]
    if not issubclass(part, getattr(delivery.application, name)):
        msg = f"delivery.application.{name} is not what {part.__name__} replaces"
        raise TypeError(msg)
    setattr(delivery.application, name, part)


if __name__ == "__main__":
    sabotage(sys.argv[1])
    main()
