"""Accept a notification: decide, store durably, answer; publishing comes after.

PostgreSQL alone decides whether a request is new. The reservation in Redis in front of it keeps
equal concurrent requests from doing the same work twice, and answers repeats without a query.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from api_gateway.domain.admission import (
    Admitted,
    Decision,
    Deferred,
    Rejected,
    Suppressed,
    decide_admission,
)
from api_gateway.domain.build_message import build_message
from api_gateway.domain.notification import Acceptance, Delivery, Notification
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from api_gateway.usecases.ports import (
    Admission,
    Answered,
    InFlight,
    NotificationStore,
    OutboxPublisher,
    Reservations,
    Reserved,
    StoredRequest,
    TemplateDirectory,
    Undecided,
    UserDirectory,
)
from contracts.delivery_message import DeliveryMessage
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus
from servicekit.errors import (
    ConflictError,
    NotFoundError,
    ServiceError,
    UnavailableError,
    UnprocessableContentError,
)

IN_FLIGHT_RETRY_SECONDS: Final = 1


@dataclass(frozen=True)
class Accepted:
    """What to answer; `is_replay`: it was answered before, to an equal request."""

    acceptance: Acceptance
    is_replay: bool = False


@dataclass(frozen=True)
class Caller:
    """Who asks, and under which ids the request travels."""

    client_id: str
    correlation_id: str
    traceparent: str | None = None


class AcceptNotification:
    """Accepts notifications.

    Args:
        users: Finds recipients.
        templates: Finds templates.
        reservations: Keeps equal concurrent requests apart.
        store: Where they are stored.
        publisher: Publishes what was stored.
        admission: Refuses while too much waits.
        now: The time, in UTC.
        new_id: A fresh UUIDv7.
    """

    def __init__(
        self,
        *,
        users: UserDirectory,
        templates: TemplateDirectory,
        reservations: Reservations,
        store: NotificationStore,
        publisher: OutboxPublisher,
        admission: Admission,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._templates = templates
        self._reservations = reservations
        self._store = store
        self._publisher = publisher
        self._admission = admission
        self._now = now
        self._new_id = new_id

    async def __call__(self, request: NotificationRequest, caller: Caller) -> Accepted:
        """Accept one notification.

        Raises:
            NotFoundError: There is no such user or template.
            UnprocessableContentError: The template cannot take this request, or the key was used
                for another one.
            ConflictError: An equal request is being served now.
            UnavailableError: Something needed is away, or too much waits; nothing was stored.
        """
        if request.request_id is None:
            return await self._accept_new(request, caller, None)
        key = IdempotencyKey(caller.client_id, request.request_id)
        state = await self._reservations.reserve(key)
        match state:
            case Answered(stored):
                return _replay(stored, request)
            case InFlight():
                raise ConflictError(
                    f"A request with request_id {request.request_id} is being served.",
                    code=ErrorCode.REQUEST_IN_FLIGHT,
                    headers={"Retry-After": str(IN_FLIGHT_RETRY_SECONDS)},
                )
            case Reserved():
                return await self._accept_reserved(request, caller, key, state)
            case Undecided():
                return await self._accept_new(request, caller, key)
        raise AssertionError(state)

    async def _accept_reserved(
        self,
        request: NotificationRequest,
        caller: Caller,
        key: IdempotencyKey,
        reserved: Reserved,
    ) -> Accepted:
        accepted = False
        try:
            result = await self._accept_new(request, caller, key)
            accepted = True
        finally:
            if not accepted:
                await self._reservations.release(key, reserved)
        stored = StoredRequest(request.fingerprint(), result.acceptance)
        await self._reservations.answered(key, stored)
        return result

    async def _accept_new(
        self, request: NotificationRequest, caller: Caller, key: IdempotencyKey | None
    ) -> Accepted:
        try:
            decision = await self._decide(request)
        except UnavailableError:
            # What was accepted once stays accepted, though it could not be now.
            earlier = await self._find_earlier(key)
            if earlier is not None:
                return _replay(earlier, request)
            raise
        if isinstance(decision, Rejected):
            # What was accepted once stays accepted, though the user or template is gone since.
            earlier = await self._store.find_request(key) if key else None
            if earlier is not None:
                return _replay(earlier, request)
            raise _error_of(decision)
        notification, messages = self._build(request, caller, decision)
        acceptance = Acceptance(
            notification.id,
            notification.status,
            notification.created_at,
            decision.reason if isinstance(decision, Suppressed) else None,
        )
        stored = await self._store.store(
            notification, messages, acceptance, key, request.fingerprint()
        )
        if isinstance(stored, StoredRequest):
            return _replay(stored, request)
        self._publisher.offer(stored.outbox)
        return Accepted(stored.acceptance)

    async def _decide(self, request: NotificationRequest) -> Decision:
        self._admission.check()
        user, template = await asyncio.gather(
            self._users.find(request.user_id), self._templates.find(request.template_code)
        )
        return decide_admission(user, template, request, self._now())

    async def _find_earlier(self, key: IdempotencyKey | None) -> StoredRequest | None:
        """What was stored under this key, or None too if that cannot be said now."""
        if key is None:
            return None
        try:
            return await self._store.find_request(key)
        except UnavailableError:
            return None

    def _build(
        self,
        request: NotificationRequest,
        caller: Caller,
        decision: Admitted | Deferred | Suppressed,
    ) -> tuple[Notification, list[DeliveryMessage]]:
        plan, now = decision.plan, self._now()
        reason = decision.reason.value if isinstance(decision, Suppressed) else None
        deliveries = tuple(
            Delivery(
                self._new_id(), recipient.address, recipient.device_kind, NotificationStatus.PENDING
            )
            for recipient in (decision.recipients if isinstance(decision, Admitted) else ())
        )
        notification = Notification(
            id=self._new_id(),
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
            reason=reason,
            variables=request.variables,
            metadata=request.metadata,
            correlation_id=caller.correlation_id,
            created_at=now,
            updated_at=now,
            expires_at=request.expires_at,
            ambiguous=plan.ambiguous,
            traceparent=caller.traceparent,
            requested_language=request.language,
            requested_priority=request.priority,
            scheduled_at=decision.until if isinstance(decision, Deferred) else None,
            deliveries=deliveries,
        )
        return notification, [build_message(notification, delivery) for delivery in deliveries]


def _replay(stored: StoredRequest, request: NotificationRequest) -> Accepted:
    if stored.fingerprint != request.fingerprint():
        raise UnprocessableContentError(
            f"request_id {request.request_id} was used for a request with another body.",
            code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
        )
    return Accepted(stored.acceptance, is_replay=True)


def _error_of(rejected: Rejected) -> ServiceError:
    if rejected.is_missing:
        return NotFoundError(rejected.message, code=rejected.code)
    return UnprocessableContentError(
        rejected.message, code=rejected.code, details=rejected.details or None
    )
