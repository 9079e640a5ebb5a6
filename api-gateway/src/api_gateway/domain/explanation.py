"""Everything that would be decided about a request, and every reason why it would not be sent.

`decide_admission` stops at the first reason; this goes through the same ones to the end.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from api_gateway.domain.admission import (
    Decision,
    Deferred,
    Recipient,
    Rejected,
    decide_admission,
    hindrances,
    mistakes,
    priority_of,
    recipients_of,
    waits_until,
)
from api_gateway.domain.chosen_content import ChosenContent, choose_content
from api_gateway.domain.request import NotificationRequest
from contracts.category import CategoryCatalogue
from contracts.error_codes import ErrorCode
from contracts.names import lane_for
from contracts.notification import NotificationStatus, NotificationType
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot

_FIELDS: Final = {
    ErrorCode.USER_NOT_FOUND: "user_id",
    ErrorCode.TEMPLATE_NOT_FOUND: "template_code",
    ErrorCode.TEMPLATE_CHANNEL_MISSING: "notification_type",
}
# Of a template that is not there, the category is not known either: only such suppressions count
# as hold for every category, and the urgent ones are those that most comes through to.
_UNKNOWN_CATEGORY: Final = "security_alert"


@dataclass(frozen=True)
class Reason:
    """Why it would not be sent; `field`: of the request, where one is wrong."""

    code: ErrorCode
    message: str
    field: str | None = None


class NoteCode(StrEnum):
    """What there is to know beside the reasons."""

    STALE_USER = "stale_user"
    STALE_TEMPLATE = "stale_template"
    QUIET_HOURS = "quiet_hours"
    DECIDED_AGAIN = "decided_again"
    NOT_RENDERED = "not_rendered"


@dataclass(frozen=True)
class Note:
    """Something that does not keep it from being sent."""

    code: NoteCode
    message: str


@dataclass(frozen=True)
class Explanation:
    """What would become of a request. What cannot be known without its user or template is None.

    Attributes:
        decision: What `decide_admission` says.
        reasons: Why it is not `Admitted`, or would not be if its time were now; the first decides.
        later_reasons: Why it would not be handed over though it is accepted.
        content: What it is rendered from.
        category: The template's.
        priority: 0 to 10.
        lane: The queue it would go to.
        until: The time that it waits for.
        recipients: The user's addresses on the channel.
    """

    decision: Decision
    reasons: tuple[Reason, ...]
    later_reasons: tuple[Reason, ...]
    content: ChosenContent | None
    category: str | None
    priority: int | None
    lane: str | None
    until: datetime | None
    recipients: tuple[Recipient, ...]

    @property
    def all_reasons(self) -> tuple[Reason, ...]:
        """Those that the gateway sees, and those that a worker would."""
        return (*self.reasons, *self.later_reasons)

    @property
    def would_send(self) -> bool:
        """Whether nothing is known that keeps it from being sent, now or at its time."""
        return not self.all_reasons

    @property
    def outcome(self) -> NotificationStatus | ErrorCode:
        """The status that it would be stored with, or the error that would be answered."""
        if isinstance(self.decision, Rejected):
            return self.decision.code
        return self.decision.status

    @property
    def is_renderable(self) -> bool:
        """Whether there is content, and a value for each variable that it needs."""
        codes = {reason.code for reason in self.reasons}
        return self.content is not None and ErrorCode.MISSING_VARIABLES not in codes


def explain_admission(
    user: UserSnapshot | None,
    template: TemplateSnapshot | None,
    request: NotificationRequest,
    now: datetime,
    catalogue: CategoryCatalogue,
) -> Explanation:
    """Explain what would become of a request.

    Where a request is for later, the recipient's reasons are those of now.

    Args:
        user: The user it names, if there is one.
        template: The template it names, if there is one.
        request: What was asked for.
        now: The time, in UTC.
        catalogue: What categories there are.
    """
    channel = request.notification_type
    content = choose_content(user, template, request) if template else None
    category = template.category if template else None
    priority = request.priority
    if category is not None:
        priority = priority_of(request, catalogue.of(category))
    decision = decide_admission(user, template, request, now, catalogue)
    return Explanation(
        decision=decision,
        reasons=(
            *(
                reason
                for mistake in mistakes(user, template, content, request, now)
                for reason in reasons_of(mistake)
            ),
            *(_hindrance_reasons(user, channel, category, catalogue) if user else ()),
        ),
        later_reasons=(),
        content=content,
        category=category,
        priority=priority,
        lane=lane_for(channel, priority) if priority is not None else None,
        until=decision.until if isinstance(decision, Deferred) else waits_until(request, now),
        recipients=recipients_of(user, channel) if user else (),
    )


def reasons_of(rejected: Rejected) -> Iterator[Reason]:
    """One for each field that is wrong."""
    if not rejected.details:
        yield Reason(rejected.code, rejected.message, _FIELDS.get(rejected.code))
    for detail in rejected.details:
        yield Reason(rejected.code, f"{detail.field}: {detail.message}", detail.field)


def _hindrance_reasons(
    user: UserSnapshot,
    channel: NotificationType,
    category: str | None,
    catalogue: CategoryCatalogue,
) -> Iterator[Reason]:
    messages = {
        ErrorCode.USER_INACTIVE: "The user is inactive.",
        ErrorCode.NOTIFICATION_PREFERENCE_DISABLED: f"The user does not want any {channel}.",
        ErrorCode.CATEGORY_OPTED_OUT: f"The user does not want {category} by {channel}.",
        ErrorCode.ADDRESS_SUPPRESSED: f"The user's address is suppressed: {user.email_suppressed}.",
        ErrorCode.NO_ADDRESS: f"The user has no address for {channel}.",
    }
    known = _UNKNOWN_CATEGORY if category is None else category
    for code in hindrances(user, channel, known, catalogue):
        yield Reason(code, messages[code])
