"""What is stored of a request that was decided, and how a refusal reaches its caller."""

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from api_gateway.domain.admission import Admitted, Deferred, Rejected, Suppressed
from api_gateway.domain.build_message import build_message
from api_gateway.domain.notification import Acceptance, Delivery, Notification
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from api_gateway.usecases.caller import Caller
from api_gateway.usecases.ports import NewNotification
from contracts.names import lane_for
from contracts.notification import NotificationStatus
from servicekit.errors import NotFoundError, ServiceError, UnprocessableContentError


def new_notification(
    request: NotificationRequest,
    caller: Caller,
    decision: Admitted | Deferred | Suppressed,
    key: IdempotencyKey | None,
    *,
    now: datetime,
    new_id: Callable[[], UUID],
    goes_at_once: Callable[[str, str], bool],
    batch_id: UUID | None = None,
    note: str | None = None,
) -> NewNotification:
    """Put together what is stored.

    Args:
        request: What was asked for.
        caller: By whom.
        decision: What becomes of it.
        key: What the caller repeats it under.
        now: The time, in UTC.
        new_id: A fresh UUIDv7.
        goes_at_once: Whether a caller's message for a lane is published at once.
        batch_id: The batch that it came in.
        note: For the first event of its history.
    """
    plan = decision.plan
    error = decision.reason if isinstance(decision, Suppressed) else None
    reason = None if isinstance(decision, Admitted) else decision.reason
    notification = Notification(
        id=new_id(),
        client_id=caller.client_id,
        request_id=request.request_id,
        notification_type=request.notification_type,
        user_id=request.user_id,
        template_code=request.template_code,
        template_version=plan.template_version,
        language=plan.language,
        category=plan.category,
        priority=plan.priority,
        status=decision.status,
        reason=reason.value if reason else None,
        # What is not sent needs nothing that it would have said.
        variables={} if isinstance(decision, Suppressed) else request.variables,
        metadata=request.metadata,
        correlation_id=caller.correlation_id,
        created_at=now,
        updated_at=now,
        expires_at=request.expires_at,
        ambiguous=plan.ambiguous,
        traceparent=caller.traceparent,
        batch_id=batch_id,
        requested_language=request.language,
        requested_priority=request.priority,
        scheduled_at=decision.until if isinstance(decision, Deferred) else None,
        deliveries=_deliveries(decision, new_id),
    )
    lane = lane_for(notification.notification_type, notification.priority)
    return NewNotification(
        notification,
        tuple(build_message(notification, one) for one in notification.deliveries),
        Acceptance(notification.id, notification.status, now, error),
        key,
        request.fingerprint if key else "",
        note,
        at_once=all(goes_at_once(caller.client_id, lane) for _ in notification.deliveries),
    )


def _deliveries(
    decision: Admitted | Deferred | Suppressed, new_id: Callable[[], UUID]
) -> tuple[Delivery, ...]:
    if not isinstance(decision, Admitted):
        return ()
    return tuple(
        Delivery(new_id(), recipient.address, recipient.device_kind, NotificationStatus.PENDING)
        for recipient in decision.recipients
    )


def error_of(rejected: Rejected) -> ServiceError:
    """The error that a refusal is answered with."""
    if rejected.is_missing:
        return NotFoundError(rejected.message, code=rejected.code)
    return UnprocessableContentError(
        rejected.message, code=rejected.code, details=rejected.details or None
    )
