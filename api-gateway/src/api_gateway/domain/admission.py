"""Whether a notification may be sent, where to, and if not, why not: one pure function."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from api_gateway.domain.languages import choose_language
from api_gateway.domain.request import NotificationRequest
from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode
from contracts.notification import (
    AmbiguousPolicy,
    DeviceKind,
    NotificationType,
)
from contracts.suppression import blocks
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot

URGENT_CATEGORIES: Final = frozenset({"email_verification", "password_reset", "security_alert"})
URGENT_PRIORITY: Final = 8
USUAL_PRIORITY: Final = 4
LONGEST_WAIT: Final = timedelta(days=30)
"""How far ahead a notification can be scheduled."""


@dataclass(frozen=True)
class Recipient:
    """One address that a notification goes to."""

    address: str
    device_kind: DeviceKind | None = None


@dataclass(frozen=True)
class Plan:
    """How a notification will be rendered and sent, wherever it then goes."""

    template_version: int
    language: str
    category: str
    ambiguous: AmbiguousPolicy
    priority: int


@dataclass(frozen=True)
class Admitted:
    """Send it: one delivery per recipient."""

    plan: Plan
    recipients: tuple[Recipient, ...]


@dataclass(frozen=True)
class Deferred:
    """Keep it until then, and decide again with what is true then."""

    plan: Plan
    until: datetime


@dataclass(frozen=True)
class Suppressed:
    """Keep it in the history and do not send it; the caller made no mistake."""

    plan: Plan
    reason: ErrorCode


@dataclass(frozen=True)
class Rejected:
    """The caller's mistake."""

    code: ErrorCode
    message: str
    details: tuple[ErrorDetail, ...] = field(default=())

    @property
    def is_missing(self) -> bool:
        """Whether something that the request names does not exist."""
        return self.code in {ErrorCode.USER_NOT_FOUND, ErrorCode.TEMPLATE_NOT_FOUND}


Decision = Admitted | Deferred | Suppressed | Rejected


def decide_admission(
    user: UserSnapshot | None,
    template: TemplateSnapshot | None,
    request: NotificationRequest,
    now: datetime,
) -> Decision:
    """Decide what becomes of a request.

    What is wrong with it is told at once. What waits for its time is decided again then, so that
    nothing of the recipient's is judged before: they may change their mind. Where several things
    keep it from being sent, the first of these is told: the user is inactive, does not want the
    channel, has a suppressed address, has none.

    Args:
        user: The user it names, if there is one.
        template: The template it names, if there is one.
        request: What was asked for.
        now: The time, in UTC.
    """
    if user is None:
        return Rejected(ErrorCode.USER_NOT_FOUND, f"There is no user {request.user_id}.")
    if template is None or not template.is_active:
        return Rejected(
            ErrorCode.TEMPLATE_NOT_FOUND, f"There is no template {request.template_code}."
        )
    channel = request.notification_type
    language = choose_language(
        (request.language, user.language, template.default_language),
        [tag for tag, live in template.languages.items() if channel in live.channels],
    )
    if language is None:
        return Rejected(
            ErrorCode.TEMPLATE_CHANNEL_MISSING,
            f"The template {template.code} has no content for {channel}.",
        )
    live = template.languages[language]
    # A null is no value: it would be rendered as nothing where the template counts on something.
    required = live.channels[channel].required
    missing = [name for name in required if request.variables.get(name) is None]
    if missing:
        return Rejected(
            ErrorCode.MISSING_VARIABLES,
            f"The template {template.code} needs values for: {', '.join(missing)}.",
            tuple(
                ErrorDetail(
                    field=f"variables.{name}",
                    code="missing",
                    message="The template needs a value for this variable.",
                )
                for name in missing
            ),
        )
    plan = Plan(
        template_version=live.version,
        language=language,
        category=template.category,
        ambiguous=template.ambiguous,
        priority=_priority(request, template),
    )
    if request.scheduled_at is not None and request.scheduled_at > now:
        return _until(request.scheduled_at, plan, request, now)
    if not user.is_active:
        return Suppressed(plan, ErrorCode.USER_INACTIVE)
    if not _wants(user, channel):
        return Suppressed(plan, ErrorCode.NOTIFICATION_PREFERENCE_DISABLED)
    if _is_suppressed(user, channel, template.category):
        return Suppressed(plan, ErrorCode.ADDRESS_SUPPRESSED)
    recipients = _recipients(user, channel)
    if not recipients:
        return Suppressed(plan, ErrorCode.NO_ADDRESS)
    return Admitted(plan, recipients)


def _until(
    scheduled_at: datetime, plan: Plan, request: NotificationRequest, now: datetime
) -> Deferred | Rejected:
    if scheduled_at > now + LONGEST_WAIT:
        return _wrong_time(f"A notification can wait for {LONGEST_WAIT.days} days at most.")
    if request.expires_at is not None and request.expires_at <= scheduled_at:
        return _wrong_time("It expires before it is to be sent.")
    return Deferred(plan, scheduled_at)


def _wrong_time(message: str) -> Rejected:
    detail = ErrorDetail(field="scheduled_at", code="time_range", message=message)
    return Rejected(ErrorCode.VALIDATION_FAILED, f"scheduled_at: {message}", (detail,))


def _priority(request: NotificationRequest, template: TemplateSnapshot) -> int:
    if request.priority is not None:
        return request.priority
    return URGENT_PRIORITY if template.category in URGENT_CATEGORIES else USUAL_PRIORITY


def _wants(user: UserSnapshot, channel: NotificationType) -> bool:
    match channel:
        case NotificationType.EMAIL:
            return user.preferences.email
        case NotificationType.PUSH:
            return user.preferences.push


def _is_suppressed(user: UserSnapshot, channel: NotificationType, category: str) -> bool:
    """Whether the address may not be sent to.

    A dead mailbox takes nothing, and what somebody said by hand counts for everything. Who called
    a message spam still wants to get back into their account: what a user cannot do without is
    sent to them.
    """
    if channel is not NotificationType.EMAIL or user.email_suppressed is None:
        return False
    return blocks(user.email_suppressed, category)


def _recipients(user: UserSnapshot, channel: NotificationType) -> tuple[Recipient, ...]:
    match channel:
        case NotificationType.EMAIL:
            return (Recipient(user.email),) if user.email else ()
        case NotificationType.PUSH:
            # A token that is stored twice is one device: it must not ring twice.
            devices = (Recipient(one.token, one.kind) for one in user.devices if one.token)
            return tuple(dict.fromkeys(devices))
