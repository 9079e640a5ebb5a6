"""What follows once it is known how a delivery's turn has ended: written down, then published.

The order is what keeps the promise. The settlement goes into the claim first, then what follows
from it is published with confirms, and only when a method here has returned may the message be
acknowledged: a crash between any two steps leaves a copy in the queue and enough in the claim.
"""

from datetime import datetime, timedelta

from contracts.delivery_message import DeliveryMessage
from contracts.outcome import OutcomeKind
from delivery.claims import Claims, ClaimsUnavailableError, Settlement
from delivery.errors import DeliveryError
from delivery.failpoints import Failpoint, Failpoints
from delivery.metrics import DeliveryMetrics
from delivery.policy import PARK_AFTER, SOON, tier_for
from delivery.reports import Reports
from delivery.settlements import (
    Attempt,
    deferred_by_limit,
    one_failure_later,
    postponed,
    refusal_events,
)
from servicekit.logs import get_logger

_log = get_logger(__name__)


class Conclude:
    """Brings a delivery's turn to its end.

    Args:
        claims: Where settlements are written down.
        reports: Where outcomes, hops and dead letters go.
        metrics: Counts what was settled.
        failpoints: Where a test wants us to die.
    """

    def __init__(
        self, claims: Claims, reports: Reports, metrics: DeliveryMetrics, failpoints: Failpoints
    ) -> None:
        self._claims = claims
        self._reports = reports
        self._metrics = metrics
        self._failpoints = failpoints

    async def settle(
        self, message: DeliveryMessage, settlement: Settlement, token: str, now: datetime
    ) -> None:
        """The attempt has ended like this; `token` is that of its claim."""
        try:
            ours = await self._claims.settle(message, settlement, token)
        except ClaimsUnavailableError:
            # What happened must be told even so; only a crash right now could repeat the send.
            ours = True
        self._failpoints.reach(Failpoint.AFTER_OUTCOME)
        outcome = settlement.outcome
        _log.info(
            f"delivery.{outcome.kind.value}",
            notification_id=message.notification_id,
            delivery_id=str(message.delivery_id),
            attempt=outcome.attempt,
            provider=outcome.provider,
            reason=outcome.reason,
            latency_ms=outcome.latency_ms,
            claim_lost=not ours,
        )
        self._metrics.settled(outcome)
        if ours:
            await self.repeat(message, settlement, now)
        elif outcome.kind is OutcomeKind.SENT:
            # What follows is for whoever has the delivery now to say. But it was sent, and the
            # history has to tell so: a success outranks the failure that another may report.
            await self._reports.outcome(outcome)

    async def repeat(self, message: DeliveryMessage, settlement: Settlement, now: datetime) -> None:
        """Publish what follows from a settlement: for the first time, or once more."""
        # The event first: once the retry is out, or an operator can replay the dead letter, the
        # claim may move on, and a copy that comes after a crash no longer finds this settlement.
        for event in settlement.earlier:
            await self._reports.outcome(event)
        await self._reports.outcome(settlement.outcome)
        if settlement.dead_reason is not None:
            detail = settlement.outcome.detail or settlement.outcome.reason or ""
            await self._reports.dead_letter(message, settlement.dead_reason, detail)
        if settlement.retry_at is not None and not settlement.outcome.parked:
            retry = message.model_copy(
                update={
                    "retry_count": settlement.next_retry_count,
                    "not_before": settlement.retry_at,
                    "pinned_provider": settlement.pinned_provider,
                }
            )
            await self.come_back(retry, now)
        self._failpoints.reach(Failpoint.AFTER_PUBLISH)

    async def postpone(
        self, attempt: Attempt, error: DeliveryError, delay: timedelta, token: str
    ) -> None:
        """No provider took anything from anybody: the delivery comes again as it was."""
        message = attempt.message
        outcome = postponed(attempt, error, delay)
        _log.info(
            "delivery.postponed",
            notification_id=message.notification_id,
            delivery_id=str(message.delivery_id),
            provider=outcome.provider,
            reason=outcome.reason,
        )
        self._metrics.settled(outcome)
        # Given back first: a copy that comes while ours is under way would take it for sent.
        await self._release(message, token)
        for event in refusal_events(attempt):
            await self._reports.outcome(event)
        await self._reports.outcome(outcome)
        if not outcome.parked:
            later = one_failure_later(message).model_copy(
                update={"not_before": outcome.next_attempt_at}
            )
            await self.come_back(later, attempt.ended)

    async def wait_for_turn(
        self, message: DeliveryMessage, now: datetime, retry_at: datetime
    ) -> None:
        """Its recipient has had enough: the delivery comes again when its turn comes."""
        await self._reports.outcome(deferred_by_limit(message, now, retry_at))
        if retry_at - now <= PARK_AFTER:
            later = message.model_copy(update={"not_before": retry_at})
            await self.come_back(later, now)

    async def give_back(self, message: DeliveryMessage, token: str, tier: int) -> None:
        """Nothing was tried: the delivery comes again after its tier."""
        await self._release(message, token)
        await self._reports.hop(message, tier)

    async def come_back(self, message: DeliveryMessage, now: datetime) -> None:
        """Let a delivery go round until its `not_before`."""
        assert message.not_before is not None
        await self._reports.hop(message, tier_for(max(message.not_before - now, SOON)))

    async def _release(self, message: DeliveryMessage, token: str) -> None:
        """As far as that is possible now; else the lease has to run out."""
        try:
            await self._claims.release(message.delivery_id, token)
        except ClaimsUnavailableError:
            _log.warning("delivery.claim_not_released", delivery_id=str(message.delivery_id))
