"""Claims: who works on a delivery, on which attempt, and how it ended.

A queue hands copies out more than once (redelivery, a publish whose confirm was lost, two relays).
A claim lets exactly one of them send, and keeps the settlement so that any later copy can repeat
what a crash may have cut short, without sending.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import DeliveryOutcome


class Settlement(BaseModel):
    """How an attempt ended, and what has to be published because of it; repeating it is harmless.

    Attributes:
        outcome: The event to report.
        retry_at: When to attempt again; None: this was the end.
        next_retry_count: `retry_count` of the next attempt, where there is one.
        dead_reason: Why the message goes to the dead letters, where it does.
        earlier: Events of the same attempt before `outcome`: providers that took nothing.
        pinned_provider: The only one that the next attempt may ask.
    """

    model_config = ConfigDict(frozen=True)

    outcome: DeliveryOutcome
    retry_at: datetime | None = None
    next_retry_count: int | None = None
    dead_reason: str | None = None
    earlier: tuple[DeliveryOutcome, ...] = ()
    pinned_provider: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether no further attempt follows."""
        return self.retry_at is None


class Verdict(StrEnum):
    """What to do with a copy that has just arrived."""

    CLAIMED = "claimed"
    """It is ours: send."""
    EARLY = "early"
    """Its `not_before` has not come."""
    LAPSED = "lapsed"
    """It is ours, but somebody held it before and fell silent: perhaps it was sent."""
    POISON = "poison"
    """It is ours, and whoever held it before fell silent, several times over."""
    BUSY = "busy"
    """Somebody else works on it now."""
    SETTLED = "settled"
    """This attempt, or a later one, is settled: repeat the settlement, do not send."""
    SUPERSEDED = "superseded"
    """A later attempt or generation is under way: nothing to do."""
    SUPPRESSED = "suppressed"
    """Nothing may be sent to this address any more; nobody holds the delivery."""
    LIMITED = "limited"
    """This address has had its share of the hour; nobody holds the delivery.

    Where its turn would come after it has expired, none is kept for it."""


@dataclass(frozen=True)
class Claim:
    """The answer to a claim.

    Attributes:
        verdict: What to do.
        now: The time by the claims' clock, which all workers share.
        token: Names this one claim, and proves it when it is settled or released.
        settlement: With `SETTLED` only.
        retry_at: With `LIMITED` only: when this delivery's turn comes; the turn is kept for it.
        suppressed_for: With `SUPPRESSED` only: why.
    """

    verdict: Verdict
    now: datetime
    token: str
    settlement: Settlement | None = None
    retry_at: datetime | None = None
    suppressed_for: str | None = None


class ClaimsUnavailableError(Exception):
    """Claims cannot be made or settled now."""


class UnansweredClaimError(ClaimsUnavailableError):
    """A claim was not answered; it may have been granted all the same, and only `token` frees it.

    Args:
        reason: What went wrong.
        token: That of the claim.
    """

    def __init__(self, reason: str, token: str) -> None:
        super().__init__(reason)
        self.token = token


class Claims(Protocol):
    """Where claims are kept."""

    async def claim(self, message: DeliveryMessage) -> Claim:
        """Claim this attempt of this delivery, with a token of its own for each call.

        Raises:
            UnansweredClaimError: It is not known who works on it; perhaps we do.
        """
        ...

    async def settle(self, message: DeliveryMessage, settlement: Settlement, token: str) -> bool:
        """Record how our attempt ended; False: somebody else has the delivery, or has ended it.

        An attempt of which no claim is known (they were away, or lost their memory) is recorded.

        Raises:
            ClaimsUnavailableError: It could not be recorded.
        """
        ...

    async def release(self, delivery_id: UUID, token: str) -> None:
        """Give our claim back without an attempt having been made; of another's, nothing happens.

        What was lapsed before we claimed it is lapsed again: it may still have been sent.

        Raises:
            ClaimsUnavailableError: It could not be recorded; the lease will run out.
        """
        ...
