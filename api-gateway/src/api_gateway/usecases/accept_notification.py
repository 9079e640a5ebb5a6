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

from api_gateway.domain.admission import Decision, Rejected, decide_admission
from api_gateway.domain.notification import Acceptance
from api_gateway.domain.request import IdempotencyKey, NotificationRequest
from api_gateway.usecases.caller import Caller
from api_gateway.usecases.new_notification import error_of, new_notification
from api_gateway.usecases.ports import (
    Admission,
    Answered,
    CachedTemplate,
    CachedUser,
    Categories,
    InFlight,
    Looked,
    NotificationStore,
    OutboxPublisher,
    RateState,
    Reservations,
    Reserved,
    StoredRequest,
    TemplateDirectory,
    UserDirectory,
    Wanted,
)
from contracts.error_codes import ErrorCode
from servicekit.errors import (
    ConflictError,
    RateLimitedError,
    UnavailableError,
    UnprocessableContentError,
)

IN_FLIGHT_RETRY_SECONDS: Final = 1


@dataclass(frozen=True)
class Accepted:
    """What to answer.

    Attributes:
        is_replay: It was answered before, to an equal request.
        rate: Where the caller stands with their rate, where they have one.
    """

    acceptance: Acceptance
    is_replay: bool = False
    rate: RateState | None = None


class AcceptNotification:
    """Accepts notifications.

    Args:
        users: Finds recipients.
        templates: Finds templates.
        categories: What they can be about.
        reservations: Keeps equal concurrent requests apart, and callers to their rate.
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
        categories: Categories,
        reservations: Reservations,
        store: NotificationStore,
        publisher: OutboxPublisher,
        admission: Admission,
        now: Callable[[], datetime],
        new_id: Callable[[], UUID],
    ) -> None:
        self._users = users
        self._templates = templates
        self._categories = categories
        self._reservations = reservations
        self._store = store
        self._publisher = publisher
        self._admission = admission
        self._now = now
        self._new_id = new_id

    async def __call__(self, request: NotificationRequest, caller: Caller) -> Accepted:
        """Accept one notification.

        Raises:
            RateLimitedError: The caller asks for more than their rate, or too much of theirs waits.
            NotFoundError: There is no such user or template.
            UnprocessableContentError: The template cannot take this request, or the key was used
                for another one.
            ConflictError: An equal request is being served now.
            UnavailableError: Something needed is away, or too much waits; nothing was stored.
        """
        key = key_of(request, caller)
        looked = await self._reservations.look_up(wanted_by(request, caller, key))
        check_rate(looked.rate)
        state = looked.key
        if isinstance(state, Answered):
            return _replay(state.stored, request, looked.rate)
        if isinstance(state, InFlight):
            # Or so says Redis, which may have reserved it for one that was answered without it.
            earlier = await self._find_earlier(key)
            if earlier is not None:
                return _replay(earlier, request, looked.rate)
            raise in_flight_error(request)
        if key is None or not isinstance(state, Reserved):
            return await self._accept_new(request, caller, key, looked)
        accepted = False
        try:
            result = await self._accept_new(request, caller, key, looked)
            accepted = True
        finally:
            if not accepted:
                await self._reservations.release(key, state)
        await self._reservations.answered(
            key, StoredRequest(request.fingerprint, result.acceptance)
        )
        return result

    async def _accept_new(
        self,
        request: NotificationRequest,
        caller: Caller,
        key: IdempotencyKey | None,
        looked: Looked,
    ) -> Accepted:
        try:
            decision, note = await self._decide(request, caller, looked)
        except UnavailableError:
            # What was accepted once stays accepted, though it could not be now.
            earlier = await self._find_earlier(key)
            if earlier is not None:
                return _replay(earlier, request, looked.rate)
            raise
        if isinstance(decision, Rejected):
            # What was accepted once stays accepted, though the user or template is gone since.
            earlier = await self._store.find_request(key) if key else None
            if earlier is not None:
                return _replay(earlier, request, looked.rate)
            raise error_of(decision)
        stored = await self._store.store(
            new_notification(
                request,
                caller,
                decision,
                key,
                now=self._now(),
                new_id=self._new_id,
                goes_at_once=self._publisher.goes_at_once,
                note=note,
            )
        )
        if isinstance(stored, StoredRequest):
            return _replay(stored, request, looked.rate)
        self._publisher.offer(stored.outbox)
        return Accepted(stored.acceptance, rate=looked.rate)

    async def _decide(
        self, request: NotificationRequest, caller: Caller, looked: Looked
    ) -> tuple[Decision, str | None]:
        self._admission.check(caller.client_id)
        user, template = looked.user, looked.template
        if user is None or user.is_stale or template is None or template.is_stale:
            user, template = await asyncio.gather(
                self._users.refresh(request.user_id, user),
                self._templates.refresh(request.template_code, template),
            )
        decision = decide_admission(
            None if user is None else user.value,
            None if template is None else template.value,
            request,
            self._now(),
            await self._categories.current(),
        )
        return decision, stale_note(user, template)

    async def _find_earlier(self, key: IdempotencyKey | None) -> StoredRequest | None:
        """What was stored under this key, or None too if that cannot be said now."""
        if key is None:
            return None
        try:
            return await self._store.find_request(key)
        except UnavailableError:
            return None


def key_of(request: NotificationRequest, caller: Caller) -> IdempotencyKey | None:
    """What the caller repeats the request under, if they gave it an id."""
    if request.request_id is None:
        return None
    return IdempotencyKey(caller.client_id, request.request_id)


def wanted_by(request: NotificationRequest, caller: Caller, key: IdempotencyKey | None) -> Wanted:
    """What has to be looked up for a request."""
    return Wanted(
        caller.client_id, key, request.user_id, request.template_code, caller.rate_per_minute
    )


def check_rate(rate: RateState | None) -> None:
    """Refuse a request that is over its caller's rate.

    Raises:
        RateLimitedError: It is.
    """
    if rate is not None and rate.retry_after:
        msg = f"More than {rate.limit} notifications a minute."
        raise RateLimitedError(msg, retry_after=rate.retry_after, headers=rate.headers)


def in_flight_error(request: NotificationRequest) -> ConflictError:
    """What a request is told while an equal one is being served."""
    return ConflictError(
        f"A request with request_id {request.request_id} is being served.",
        code=ErrorCode.REQUEST_IN_FLIGHT,
        headers={"Retry-After": str(IN_FLIGHT_RETRY_SECONDS)},
    )


def replay_of(stored: StoredRequest, request: NotificationRequest) -> Acceptance:
    """The answer to a request whose key was used before.

    Raises:
        UnprocessableContentError: It was used for another request.
    """
    if stored.fingerprint != request.fingerprint:
        raise reused_error(request)
    return stored.acceptance


def reused_error(request: NotificationRequest) -> UnprocessableContentError:
    """What a request is told whose key was used for another one."""
    return UnprocessableContentError(
        f"request_id {request.request_id} was used for a request with another body.",
        code=ErrorCode.IDEMPOTENCY_KEY_REUSED,
    )


def stale_note(user: CachedUser | None, template: CachedTemplate | None) -> str | None:
    """What the history says where the owner was away and an old copy decided."""
    stale = [
        name
        for name, copy in (("user", user), ("template", template))
        if copy is not None and copy.is_stale
    ]
    if not stale:
        return None
    return f"decided with an old copy of the {' and the '.join(stale)}: the owner did not answer"


def _replay(
    stored: StoredRequest, request: NotificationRequest, rate: RateState | None
) -> Accepted:
    return Accepted(replay_of(stored, request), is_replay=True, rate=rate)
