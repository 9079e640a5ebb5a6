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
from delivery.claims import (
    Claim,
    Claims,
    UnansweredClaimError,
    Verdict,
)
from delivery.conclude import Conclude
from delivery.errors import DeliveryError, InvalidRecipientError
from delivery.failpoints import Failpoint, Failpoints
from delivery.metrics import DeliveryMetrics
from delivery.policy import (
    BACKOFF_BASE_SECONDS,
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
        self._backoff_seconds = backoff_seconds
        self._failpoints = failpoints or Failpoints()
        self._is_suspect_under_way = False
        self._conclude = Conclude(claims, reports, metrics, self._failpoints)

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
                await self._conclude.give_back(message, error.token, WITHOUT_CLAIMS_TIER)
                return
            now = self._chances.utc_now()
            verdict = Verdict.EARLY if _is_early(message, now) else Verdict.CLAIMED
            claim = Claim(verdict, now, error.token)
        match claim.verdict:
            case Verdict.EARLY:
                await self._conclude.come_back(message, claim.now)
            case Verdict.BUSY:
                await self._reports.hop(message, BUSY_TIER)
            case Verdict.SUPERSEDED:
                _log.info("delivery.superseded", delivery_id=str(message.delivery_id))
            case Verdict.SETTLED:
                assert claim.settlement is not None
                await self._conclude.repeat(message, claim.settlement, claim.now)
            case Verdict.LIMITED if _is_expired(message, claim.retry_at or claim.now):
                settlement = settle_expired(message, claim.now)
                await self._conclude.settle(message, settlement, claim.token, claim.now)
            case Verdict.LIMITED:
                assert claim.retry_at is not None
                await self._conclude.wait_for_turn(message, claim.now, claim.retry_at)
            case Verdict.SUPPRESSED:
                settlement = settle_suppressed(message, claim.now, claim.suppressed_for or "")
                await self._conclude.settle(message, settlement, claim.token, claim.now)
            case Verdict.POISON:
                settlement = settle_poison(message, claim.now)
                await self._conclude.settle(message, settlement, claim.token, claim.now)
            case Verdict.LAPSED if message.ambiguous is AmbiguousPolicy.HOLD or _is_expired(
                message, claim.now
            ):
                settlement = settle_lapsed(message, claim.now)
                await self._conclude.settle(message, settlement, claim.token, claim.now)
            case Verdict.CLAIMED:
                await self._attempt(message, claim)
            case Verdict.LAPSED:
                await self._attempt_alone(message, claim)

    async def _attempt_alone(self, message: DeliveryMessage, claim: Claim) -> None:
        # A worker died over this one, or over another that was under way beside it. They come back
        # together; tried together again, the innocent would be counted with the guilty.
        if self._is_suspect_under_way:
            await self._conclude.give_back(message, claim.token, BUSY_TIER)
            return
        self._is_suspect_under_way = True
        try:
            await self._attempt(message, claim)
        finally:
            self._is_suspect_under_way = False

    async def _attempt(self, message: DeliveryMessage, claim: Claim) -> None:
        if _is_expired(message, claim.now):
            settlement = settle_expired(message, claim.now)
            await self._conclude.settle(message, settlement, claim.token, claim.now)
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
            await self._conclude.give_back(message, claim.token, WITHOUT_TEMPLATE_TIER)
        except NoProviderError as error:
            tier = tier_for(timedelta(seconds=error.wait))
            await self._conclude.give_back(message, claim.token, tier)
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
            await self._conclude.settle(
                message, settle_success(attempt, handover), claim.token, attempt.ended
            )

    async def _fail(self, attempt: Attempt, error: DeliveryError, claim: Claim) -> None:
        message, consequence = attempt.message, self._consequence(attempt, error)
        if isinstance(consequence, Postpone):
            await self._conclude.postpone(attempt, error, consequence.delay, claim.token)
            return
        suppression = None
        # Only what a server says of an address is known of it; ours may be a mistake of ours.
        if isinstance(error, InvalidRecipientError) and error.reply_code and attempt.provider:
            suppression = self._digests.hard_bounce(message, attempt.provider)
        settlement = settle_failure(attempt, error, consequence, suppression)
        await self._conclude.settle(message, settlement, claim.token, attempt.ended)

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


def _is_early(message: DeliveryMessage, now: datetime) -> bool:
    if _is_expired(message, now):
        return False
    return message.not_before is not None and message.not_before - SOON > now


def _is_expired(message: DeliveryMessage, now: datetime) -> bool:
    return message.expires_at is not None and message.expires_at <= now
