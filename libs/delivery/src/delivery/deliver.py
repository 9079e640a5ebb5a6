"""One message from a lane: claim it, render it, hand it to a provider, and record what came of it.

The order is what keeps the promise: the settlement goes into the claim first, then what follows
from it is published with confirms, and only when this returns is the message acknowledged. A crash
between any two steps leaves a copy in the queue and enough in the claim to finish without sending
again.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Generic, TypeVar

from contracts.delivery_message import DeliveryMessage
from contracts.notification import AmbiguousPolicy
from contracts.outcome import OutcomeKind
from delivery.claims import (
    Claim,
    Claims,
    ClaimsUnavailableError,
    Settlement,
    UnansweredClaimError,
    Verdict,
)
from delivery.errors import DeliveryError, InvalidRecipientError
from delivery.failpoints import Failpoint, Failpoints
from delivery.metrics import DeliveryMetrics
from delivery.policy import (
    BACKOFF_BASE_SECONDS,
    PARK_AFTER,
    SOON,
    Consequence,
    Postpone,
    consequence_of,
    tier_for,
)
from delivery.provider import OutgoingDelivery
from delivery.provider_chain import NoProviderError, NotHandedOverError, ProviderChain
from delivery.recipients import RecipientDigests
from delivery.rendering import Renderer, TemplateUnavailableError
from delivery.reports import Reports
from delivery.settlements import (
    Attempt,
    deferred_by_limit,
    postponed,
    refusal_events,
    settle_expired,
    settle_failure,
    settle_lapsed,
    settle_poison,
    settle_success,
    settle_suppressed,
)
from servicekit.logs import get_logger

_log = get_logger(__name__)

ContentT = TypeVar("ContentT")

BUSY_TIER: Final = 1
WITHOUT_CLAIMS_TIER: Final = 4
WITHOUT_TEMPLATE_TIER: Final = 4


@dataclass(frozen=True)
class Chances:
    """Time and chance, handed in so that tests can choose them."""

    monotonic: Callable[[], float] = time.monotonic
    utc_now: Callable[[], datetime] = lambda: datetime.now(UTC)
    jitter: Callable[[], float] = lambda: 0.0
    """Evenly from -1 to 1."""


class Deliver(Generic[ContentT]):
    """Delivers the messages of one channel.

    Args:
        claims: Who works on what.
        renderer: Templates of this channel.
        providers: Where messages are handed over.
        reports: Where outcomes, hops and dead letters go.
        digests: Names the addresses that turn out to be dead.
        chances: Time and chance.
        metrics: Counts attempts and their results.
        backoff_seconds: Before the second attempt.
        failpoints: Where a test wants us to die.
    """

    def __init__(
        self,
        *,
        claims: Claims,
        renderer: Renderer[ContentT],
        providers: ProviderChain[ContentT],
        reports: Reports,
        digests: RecipientDigests,
        chances: Chances,
        metrics: DeliveryMetrics,
        backoff_seconds: float = BACKOFF_BASE_SECONDS,
        failpoints: Failpoints | None = None,
    ) -> None:
        self._claims = claims
        self._renderer = renderer
        self._providers = providers
        self._reports = reports
        self._digests = digests
        self._chances = chances
        self._metrics = metrics
        self._backoff_seconds = backoff_seconds
        self._failpoints = failpoints or Failpoints()

    async def __call__(self, message: DeliveryMessage, *, repeated: bool) -> None:
        """Do what this copy asks for; when this returns, the copy may be acknowledged.

        Args:
            message: The delivery.
            repeated: This copy may not be the first one of its attempt.
        """
        try:
            claim = await self._claims.claim(message)
        except UnansweredClaimError as error:
            if repeated or message.retry_count:
                # The claim may stand although its answer was lost; what comes back would wait for
                # its lease to run out, or be taken for sent where its category says `hold`.
                # An expired message waits, too: an earlier copy may have been sent, or may be
                # under way, and only the claims know what of it has to be repeated.
                await self._release(message, error.token)
                await self._reports.hop(message, WITHOUT_CLAIMS_TIER)
                return
            now = self._chances.utc_now()
            verdict = Verdict.EARLY if _is_early(message, now) else Verdict.CLAIMED
            claim = Claim(verdict, now, error.token)
        match claim.verdict:
            case Verdict.EARLY:
                await self._reports.hop(message, tier_for(_wait(message, claim.now)))
            case Verdict.BUSY:
                await self._reports.hop(message, BUSY_TIER)
            case Verdict.SUPERSEDED:
                _log.info("delivery.superseded", delivery_id=str(message.delivery_id))
            case Verdict.SETTLED:
                assert claim.settlement is not None
                await self._carry_out(message, claim.settlement, claim.now)
            case Verdict.LIMITED:
                assert claim.retry_at is not None
                await self._wait_for_turn(message, claim.now, claim.retry_at)
            case Verdict.SUPPRESSED:
                settlement = settle_suppressed(message, claim.now, claim.suppressed_for or "")
                await self._settle(message, settlement, claim, claim.now)
            case Verdict.POISON:
                settlement = settle_poison(message, claim.now)
                await self._settle(message, settlement, claim, claim.now)
            case Verdict.LAPSED if message.ambiguous is AmbiguousPolicy.HOLD:
                settlement = settle_lapsed(message, claim.now)
                await self._settle(message, settlement, claim, claim.now)
            case Verdict.CLAIMED | Verdict.LAPSED:
                await self._attempt(message, claim)

    async def _wait_for_turn(
        self, message: DeliveryMessage, now: datetime, retry_at: datetime
    ) -> None:
        await self._reports.outcome(deferred_by_limit(message, now, retry_at))
        if retry_at - now <= PARK_AFTER:
            later = message.model_copy(update={"not_before": retry_at})
            await self._reports.hop(later, tier_for(_wait(later, now)))

    async def _attempt(self, message: DeliveryMessage, claim: Claim) -> None:
        if _is_expired(message, claim.now):
            settlement = settle_expired(message, claim.now)
            await self._settle(message, settlement, claim, claim.now)
            return
        started = self._chances.monotonic()

        def passed() -> float:
            return self._chances.monotonic() - started

        try:
            content = await self._renderer.render(message)
            self._failpoints.reach(Failpoint.BEFORE_SEND)
            handover = await self._providers.send(
                OutgoingDelivery(message, content, message.retry_count + 1),
                pinned=message.pinned_provider,
            )
        except TemplateUnavailableError as error:
            _log.warning(
                "delivery.template_unavailable",
                delivery_id=str(message.delivery_id),
                error=str(error),
            )
            await self._release(message, claim.token)
            await self._reports.hop(message, WITHOUT_TEMPLATE_TIER)
        except NoProviderError as error:
            await self._release(message, claim.token)
            await self._reports.hop(message, tier_for(timedelta(seconds=error.wait)))
        except NotHandedOverError as failure:
            attempt = Attempt(
                message,
                claim.now,
                passed(),
                failure.provider,
                failure.seconds,
                failure.refusals,
            )
            await self._fail(attempt, failure.error, claim)
        except DeliveryError as error:
            await self._fail(Attempt(message, claim.now, passed()), error, claim)
        else:
            self._failpoints.reach(Failpoint.AFTER_PROVIDER_ACCEPT)
            attempt = Attempt(
                message,
                claim.now,
                passed(),
                handover.provider,
                handover.seconds,
                handover.refusals,
            )
            await self._settle(message, settle_success(attempt, handover), claim, attempt.ended)

    async def _fail(self, attempt: Attempt, error: DeliveryError, claim: Claim) -> None:
        message, consequence = attempt.message, self._consequence(attempt, error)
        if isinstance(consequence, Postpone):
            await self._postpone(attempt, error, consequence.delay, claim)
            return
        suppression = None
        # Only what a server says of an address is known of it; ours may be a mistake of ours.
        if isinstance(error, InvalidRecipientError) and error.reply_code and attempt.provider:
            suppression = self._digests.hard_bounce(message, attempt.provider)
        settlement = settle_failure(attempt, error, consequence, suppression)
        await self._settle(message, settlement, claim, attempt.ended)

    async def _postpone(
        self, attempt: Attempt, error: DeliveryError, delay: timedelta, claim: Claim
    ) -> None:
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
        await self._release(message, claim.token)
        for event in refusal_events(attempt):
            await self._reports.outcome(event)
        await self._reports.outcome(outcome)
        if not outcome.parked:
            later = message.model_copy(
                update={
                    "provider_failures": message.provider_failures + 1,
                    "not_before": outcome.next_attempt_at,
                }
            )
            await self._reports.hop(later, tier_for(_wait(later, attempt.ended)))

    def _consequence(self, attempt: Attempt, error: DeliveryError) -> Consequence:
        message = attempt.message
        return consequence_of(
            error,
            retry_count=message.retry_count,
            max_retries=message.max_retries,
            ambiguous=message.ambiguous,
            jitter=self._chances.jitter(),
            time_left=None if message.expires_at is None else message.expires_at - attempt.ended,
            provider_failures=message.provider_failures,
            backoff_seconds=self._backoff_seconds,
        )

    async def _release(self, message: DeliveryMessage, token: str) -> None:
        """As far as that is possible now; else the lease has to run out."""
        try:
            await self._claims.release(message.delivery_id, token)
        except ClaimsUnavailableError:
            _log.warning("delivery.claim_not_released", delivery_id=str(message.delivery_id))

    async def _settle(
        self, message: DeliveryMessage, settlement: Settlement, claim: Claim, now: datetime
    ) -> None:
        try:
            ours = await self._claims.settle(message, settlement, claim.token)
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
            await self._carry_out(message, settlement, now)
        elif outcome.kind is OutcomeKind.SENT:
            # What follows is for whoever has the delivery now to say. But it was sent, and the
            # history has to tell so: a success outranks the failure that another may report.
            await self._reports.outcome(outcome)

    async def _carry_out(
        self, message: DeliveryMessage, settlement: Settlement, now: datetime
    ) -> None:
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
            await self._reports.hop(retry, tier_for(_wait(retry, now)))
        self._failpoints.reach(Failpoint.AFTER_PUBLISH)


def _is_early(message: DeliveryMessage, now: datetime) -> bool:
    if _is_expired(message, now):
        return False
    return message.not_before is not None and message.not_before - SOON > now


def _is_expired(message: DeliveryMessage, now: datetime) -> bool:
    return message.expires_at is not None and message.expires_at <= now


def _wait(message: DeliveryMessage, now: datetime) -> timedelta:
    assert message.not_before is not None
    return max(message.not_before - now, SOON)
