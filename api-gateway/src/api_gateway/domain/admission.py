"""Whether a notification may be sent, where to, and if not, why not: one pure function."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import ClassVar, Final

from api_gateway.domain.chosen_content import ChosenContent, choose_content
from api_gateway.domain.consent import objection
from api_gateway.domain.quiet_hours import quiet_until
from api_gateway.domain.request import NotificationRequest
from contracts.category import Category, CategoryCatalogue
from contracts.envelope import ErrorDetail
from contracts.error_codes import ErrorCode
from contracts.notification import (
    AmbiguousPolicy,
    DeviceKind,
    NotificationStatus,
    NotificationType,
)
from contracts.suppression import blocks
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot

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

    status: ClassVar = NotificationStatus.PENDING

    plan: Plan
    recipients: tuple[Recipient, ...]


class WaitReason(StrEnum):
    """Why something waits that was asked for now."""

    QUIET_HOURS = "quiet_hours"


@dataclass(frozen=True)
class Deferred:
    """Keep it until then, and decide again with what is true then.

    Attributes:
        reason: None: its caller wants it then.
    """

    status: ClassVar = NotificationStatus.SCHEDULED

    plan: Plan
    until: datetime
    reason: WaitReason | None = None


@dataclass(frozen=True)
class Suppressed:
    """Keep it in the history and do not send it; the caller made no mistake."""

    status: ClassVar = NotificationStatus.SUPPRESSED

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
    catalogue: CategoryCatalogue,
) -> Decision:
    """Decide what becomes of a request.

    What is wrong with it is told at once. What waits for its time is decided again then, so that
    nothing of the recipient's is judged before: they may change their mind. Where several things
    keep it from being sent, the first of these is told: the user is inactive, does not want the
    channel or the category, has a suppressed address, has none. `explain_admission` tells all of
    them. What is left waits for the end of the user's quiet hours, unless it is urgent.

    Args:
        user: The user it names, if there is one.
        template: The template it names, if there is one.
        request: What was asked for.
        now: The time, in UTC.
        catalogue: What categories there are.
    """
    content = choose_content(user, template, request) if template else None
    mistake = next(mistakes(user, template, content, request, now), None)
    if mistake is not None:
        return mistake
    if user is None or template is None or content is None:
        raise AssertionError(request)  # each of them is a mistake
    category = catalogue.of(template.category)
    plan = Plan(
        template_version=content.live.version,
        language=content.language,
        category=template.category,
        ambiguous=template.ambiguous,
        priority=priority_of(request, category),
    )
    until = waits_until(request, now)
    if until is not None:
        return Deferred(plan, until)
    hindrance = next(
        hindrances(user, request.notification_type, template.category, catalogue), None
    )
    if hindrance is not None:
        return Suppressed(plan, hindrance)
    quiet = quiet_until(user.quiet_hours, user.timezone, now) if user.quiet_hours else None
    if quiet is not None and not category.is_urgent:
        # What ends before they do ends at its time.
        until = min(quiet, request.expires_at or quiet)
        return Deferred(plan, until, WaitReason.QUIET_HOURS)
    return Admitted(plan, recipients_of(user, request.notification_type))


def mistakes(
    user: UserSnapshot | None,
    template: TemplateSnapshot | None,
    content: ChosenContent | None,
    request: NotificationRequest,
    now: datetime,
) -> Iterator[Rejected]:
    """Everything that is wrong with a request, in the order in which it is told."""
    code, channel = request.template_code, request.notification_type
    if user is None:
        yield Rejected(ErrorCode.USER_NOT_FOUND, f"There is no user {request.user_id}.")
    if template is None:
        yield Rejected(ErrorCode.TEMPLATE_NOT_FOUND, f"There is no template {code}.")
    elif not template.is_active:
        yield Rejected(ErrorCode.TEMPLATE_NOT_FOUND, f"The template {code} is inactive.")
    if content is not None:
        # A null is no value: it would be rendered as nothing where the template counts on something
        required = content.live.channels[channel].required
        missing = [name for name in required if request.variables.get(name) is None]
        if missing:
            yield _missing(code, missing)
    elif template is not None:
        yield Rejected(
            ErrorCode.TEMPLATE_CHANNEL_MISSING, f"The template {code} has no content for {channel}."
        )
    yield from _wrong_times(request, now)


def _missing(code: str, names: Sequence[str]) -> Rejected:
    return Rejected(
        ErrorCode.MISSING_VARIABLES,
        f"The template {code} needs values for: {', '.join(names)}.",
        tuple(
            ErrorDetail(
                field=f"variables.{name}",
                code="missing",
                message="The template needs a value for this variable.",
            )
            for name in names
        ),
    )


def hindrances(
    user: UserSnapshot, channel: NotificationType, category: str, catalogue: CategoryCatalogue
) -> Iterator[ErrorCode]:
    """Everything of the recipient's that keeps it from being sent, in the order it is told."""
    if not user.is_active:
        yield ErrorCode.USER_INACTIVE
    unwanted = objection(user, channel, category, catalogue)
    if unwanted is not None:
        yield unwanted
    if _is_suppressed(user, channel, category):
        yield ErrorCode.ADDRESS_SUPPRESSED
    if not recipients_of(user, channel):
        yield ErrorCode.NO_ADDRESS


def waits_until(request: NotificationRequest, now: datetime) -> datetime | None:
    """The time that a request is to wait for; None: it is for now."""
    at = request.scheduled_at
    return at if at is not None and at > now else None


def _wrong_times(request: NotificationRequest, now: datetime) -> Iterator[Rejected]:
    until, expiry = waits_until(request, now), request.expires_at
    if until is not None and until > now + LONGEST_WAIT:
        yield _wrong_time(
            "scheduled_at", f"A notification can wait for {LONGEST_WAIT.days} days at most."
        )
    if expiry is not None and expiry <= now:
        yield _wrong_time("expires_at", "It has passed.")
    elif until is not None and expiry is not None and expiry <= until:
        yield _wrong_time("scheduled_at", "It expires before it is to be sent.")


def _wrong_time(field: str, message: str) -> Rejected:
    detail = ErrorDetail(field=field, code="time_range", message=message)
    return Rejected(ErrorCode.VALIDATION_FAILED, f"{field}: {message}", (detail,))


def priority_of(request: NotificationRequest, category: Category) -> int:
    """The caller's priority, else the category's."""
    if request.priority is not None:
        return request.priority
    return URGENT_PRIORITY if category.is_urgent else USUAL_PRIORITY


def _is_suppressed(user: UserSnapshot, channel: NotificationType, category: str) -> bool:
    """Whether the address may not be sent to.

    A dead mailbox takes nothing, and what somebody said by hand counts for everything. Who called
    a message spam still wants to get back into their account: what a user cannot do without is
    sent to them.
    """
    if channel is not NotificationType.EMAIL or user.email_suppressed is None:
        return False
    return blocks(user.email_suppressed, category)


def recipients_of(user: UserSnapshot, channel: NotificationType) -> tuple[Recipient, ...]:
    """The user's addresses on a channel."""
    match channel:
        case NotificationType.EMAIL:
            return (Recipient(user.email),) if user.email else ()
        case NotificationType.PUSH:
            # A token that is stored twice is one device: it must not ring twice.
            devices = (Recipient(one.token, one.kind) for one in user.devices if one.token)
            return tuple(dict.fromkeys(devices))
