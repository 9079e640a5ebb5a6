"""What becomes of a notification whose time has come: decided again, with what is true by now."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from api_gateway.domain.admission import (
    Admitted,
    Deferred,
    Plan,
    Rejected,
    Suppressed,
    WaitReason,
    decide_admission,
)
from api_gateway.domain.notification import Delivery, Notification
from api_gateway.domain.request import NotificationRequest
from contracts.category import CategoryCatalogue
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot


class ReleaseEvent(StrEnum):
    """How the history calls what happened to it."""

    RELEASED = "released"
    SCHEDULED = "scheduled"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    FAILED = "failed"


@dataclass(frozen=True)
class Release:
    """A notification as it is after its time came, and the event that says so.

    Attributes:
        notification: With its deliveries, if it is sent.
        note: For the event.
    """

    notification: Notification
    event: ReleaseEvent
    note: str | None = None


def decide_release(
    waiting: Notification,
    user: UserSnapshot | None,
    template: TemplateSnapshot | None,
    now: datetime,
    new_id: Callable[[], UUID],
    catalogue: CategoryCatalogue,
) -> Release:
    """Decide what becomes of a notification that has waited.

    Args:
        waiting: As it was stored.
        user: Its user, if there still is one.
        template: Its template, likewise.
        now: The time, in UTC.
        new_id: A fresh UUIDv7.
        catalogue: What categories there are.
    """
    if waiting.expires_at is not None and waiting.expires_at <= now:
        return _ended(waiting, ReleaseEvent.EXPIRED, NotificationStatus.EXPIRED, "expired", now)
    decision = decide_admission(user, template, _request_of(waiting), now, catalogue)
    match decision:
        case Rejected(code, message):
            # Nobody waits for an answer any more; the history has it.
            failed = NotificationStatus.FAILED
            return _ended(waiting, ReleaseEvent.FAILED, failed, code.value, now, message)
        case Suppressed(plan, reason):
            return _planned(waiting, plan, ReleaseEvent.SUPPRESSED, decision.status, now, reason)
        case Deferred(plan, until, reason):
            later = _planned(waiting, plan, ReleaseEvent.SCHEDULED, decision.status, now, reason)
            return replace(later, notification=replace(later.notification, scheduled_at=until))
        case Admitted(plan, recipients):
            sent = _planned(waiting, plan, ReleaseEvent.RELEASED, decision.status, now)
            deliveries = tuple(
                Delivery(new_id(), one.address, one.device_kind, NotificationStatus.PENDING)
                for one in recipients
            )
            return replace(sent, notification=replace(sent.notification, deliveries=deliveries))


def _request_of(waiting: Notification) -> NotificationRequest:
    """What was asked for, but for its time, which has come."""
    return NotificationRequest(
        notification_type=waiting.notification_type,
        user_id=waiting.user_id,
        template_code=waiting.template_code,
        variables=waiting.variables,
        request_id=waiting.request_id,
        priority=waiting.requested_priority,
        language=waiting.requested_language,
        expires_at=waiting.expires_at,
        metadata=waiting.metadata,
    )


def _ended(
    waiting: Notification,
    event: ReleaseEvent,
    status: NotificationStatus,
    reason: str,
    now: datetime,
    note: str | None = None,
) -> Release:
    return Release(replace(waiting, status=status, reason=reason, updated_at=now), event, note)


def _planned(
    waiting: Notification,
    plan: Plan,
    event: ReleaseEvent,
    status: NotificationStatus,
    now: datetime,
    reason: ErrorCode | WaitReason | None = None,
) -> Release:
    return Release(
        replace(
            waiting,
            template_version=plan.template_version,
            language=plan.language,
            category=plan.category,
            ambiguous=plan.ambiguous,
            priority=plan.priority,
            status=status,
            reason=None if reason is None else reason.value,
            updated_at=now,
        ),
        event,
    )
