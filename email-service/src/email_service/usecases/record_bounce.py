"""Turns a report about a mail of ours into an event of its delivery.

A report is believed as far as its reference can be verified: one that was made for none of the
addresses that it speaks of is refused, so that nobody can write into somebody else's history.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind, outcome_event_id
from contracts.provider_words import storable_detail
from contracts.suppression import SuppressionNotice, SuppressionReason
from email_service.domain.address_forms import forms_of
from email_service.domain.delivery_reference import ReferenceSeal, VerifiedReference
from email_service.domain.delivery_status import (
    Action,
    DeliveryStatusReport,
    NotAReportError,
    RecipientStatus,
    parse_delivery_status,
)
from email_service.domain.enhanced_status import DEAD_ADDRESS, recipient_reason
from servicekit.errors import UnprocessableContentError

SOURCE: Final = "dsn"
"""Stands in suppressions, and makes the event differ from others of the same attempt."""
REFERENCE_HEADER: Final = "x-delivery-reference"

_KINDS: Final = {Action.FAILED: OutcomeKind.BOUNCED, Action.DELAYED: OutcomeKind.DEFERRED}
_CORRELATION_ID: Final = re.compile(r"[A-Za-z0-9._:\-]{1,128}")

Publish = Callable[[Sequence[DeliveryOutcome]], Awaitable[None]]


class RecordBounce:
    """Reads, verifies and publishes.

    Args:
        seal: Recognises our references.
        now: The aware time of events.
    """

    def __init__(self, seal: ReferenceSeal, now: Callable[[], datetime]) -> None:
        self._seal = seal
        self._now = now

    async def __call__(
        self, raw: bytes, publish: Publish, correlation_id: str
    ) -> DeliveryOutcome | None:
        """Record what a report says; saying it again changes nothing.

        Args:
            raw: The whole mail.
            publish: Returns when the broker has the events.
            correlation_id: For a report that did not bring back the mail's own.

        Returns:
            What was recorded; None for good news.

        Raises:
            UnprocessableContentError: It is no report, or about no mail of ours.
            UnavailableError: The broker does not take events now.
        """
        try:
            report = parse_delivery_status(raw)
        except NotAReportError as error:
            msg = f"This is not a delivery status report (RFC 3464): {error}."
            raise UnprocessableContentError(msg) from error
        now = self._now()
        # A report that is brought again, or late, must not look like news: what an operator has
        # lifted since stays lifted.
        at = min(report.written_at or now, now)
        outcome = outcome_of_report(report, self._seal, at, correlation_id)
        if outcome is not None:
            await publish([outcome])
        return outcome


def outcome_of_report(
    report: DeliveryStatusReport, seal: ReferenceSeal, at: datetime, correlation_id: str
) -> DeliveryOutcome | None:
    """The event that a report amounts to; None for good news.

    Raises:
        UnprocessableContentError: No reference of it was made for any of its addresses.
    """
    verified = [(status, _verify(report, seal, status.recipients)) for status in report.recipients]
    of_mail = next((found for _, found in verified if found), None) or _verify(
        report, seal, [report.returned.get("to", "").rpartition("<")[2]]
    )
    if of_mail is None:
        msg = "The report brings back no reference that was made for the address it is about."
        raise UnprocessableContentError(msg)
    # What ends a delivery counts before what delays it, and certainty about whom before the rest
    for action in (Action.FAILED, Action.DELAYED):
        mine = [each for each in verified if each[0].action is action]
        for status, own in sorted(mine, key=lambda each: each[1] is None):
            returned = report.returned.get("x-correlation-id", "")
            trusted = _CORRELATION_ID.fullmatch(returned)
            return _outcome(status, of_mail, own, at, returned if trusted else correlation_id)
    return None


def _verify(
    report: DeliveryStatusReport, seal: ReferenceSeal, addresses: Iterable[str]
) -> VerifiedReference | None:
    forms = [form for address in addresses for form in forms_of(address)]
    for sealed in (report.envelope_id, report.returned.get(REFERENCE_HEADER)):
        if sealed and (found := seal.verify(sealed, forms)):
            return found
    return None


def _outcome(
    status: RecipientStatus,
    of_mail: VerifiedReference,
    own: VerifiedReference | None,
    at: datetime,
    correlation_id: str,
) -> DeliveryOutcome:
    kind, reference = _KINDS[status.action], of_mail.reference
    return DeliveryOutcome(
        event_id=outcome_event_id(
            kind, reference.delivery_id, reference.generation, reference.attempt, SOURCE
        ),
        kind=kind,
        delivery_id=reference.delivery_id,
        notification_id=reference.notification_id,
        generation=reference.generation,
        attempt=reference.attempt,
        at=at,
        reply_code=status.status,
        reason=recipient_reason(status.status, "refused_later"),
        detail=storable_detail(status.diagnostic),
        suppression=_suppression(status, own),
        correlation_id=correlation_id,
    )


def _suppression(
    status: RecipientStatus, own: VerifiedReference | None
) -> SuppressionNotice | None:
    if own is None or status.action is not Action.FAILED or status.status not in DEAD_ADDRESS:
        return None
    return SuppressionNotice(
        notification_type=NotificationType.EMAIL,
        address_digest=own.address_digest,
        reason=SuppressionReason.HARD_BOUNCE,
        source=SOURCE,
    )
