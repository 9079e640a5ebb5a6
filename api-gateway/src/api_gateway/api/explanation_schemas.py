"""What callers read of an explanation."""

from datetime import datetime
from typing import Final, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

from api_gateway.api.schemas import mask
from api_gateway.domain.admission import Recipient
from api_gateway.domain.chosen_content import LanguageSource
from api_gateway.domain.explanation import Note, NoteCode, Reason
from api_gateway.domain.request import NotificationRequest
from api_gateway.usecases.explain_notification import ExplainedNotification
from contracts.error_codes import ErrorCode
from contracts.notification import DeviceKind, NotificationStatus, NotificationType

_EXAMPLE: Final[JsonDict] = {
    "would_send": False,
    "outcome": "suppressed",
    "notification_type": "email",
    "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
    "recipients": [{"recipient": "j***@example.com", "device_kind": None}],
    "template_code": "welcome_email",
    "template_version": 3,
    "language": "de",
    "language_from": "user",
    "category": "onboarding",
    "priority": 4,
    "lane": "email.queue",
    "scheduled_until": None,
    "subject": "Willkommen, John!",
    "title": None,
    "reasons": [
        {
            "code": "notification_preference_disabled",
            "message": "The user does not want any email.",
            "remedy": ErrorCode.NOTIFICATION_PREFERENCE_DISABLED.remedy,
            "field": None,
        }
    ],
    "notes": [],
}


class RecipientView(BaseModel):
    """An address that it would go to, masked."""

    recipient: str
    device_kind: DeviceKind | None

    @classmethod
    def of(cls, recipient: Recipient) -> Self:
        """Show an address."""
        return cls(recipient=mask(recipient.address), device_kind=recipient.device_kind)


class ReasonView(BaseModel):
    """Why it would not be sent, and what can be done about it."""

    code: ErrorCode
    message: str
    remedy: str
    field: str | None = Field(description="Of the request, where one is wrong.")

    @classmethod
    def of(cls, reason: Reason) -> Self:
        """Show a reason."""
        return cls(
            code=reason.code,
            message=reason.message,
            remedy=reason.code.remedy,
            field=reason.field,
        )


class NoteView(BaseModel):
    """Something to know that does not keep it from being sent."""

    code: NoteCode
    message: str

    @classmethod
    def of(cls, note: Note) -> Self:
        """Show a note."""
        return cls(code=note.code, message=note.message)


class ExplanationView(BaseModel):
    """What would be decided, and why; null is what cannot be known or does not apply."""

    model_config = ConfigDict(json_schema_extra={"example": _EXAMPLE})

    would_send: bool = Field(description="Nothing is known that keeps it from being sent.")
    outcome: NotificationStatus | ErrorCode = Field(
        description="The status that it would be accepted with, or the error of the answer."
    )
    notification_type: NotificationType
    user_id: UUID
    recipients: list[RecipientView] = Field(description="The user's addresses on the channel.")
    template_code: str
    template_version: int | None
    language: str | None
    language_from: LanguageSource | None = Field(
        description="Whose it is: asked for, the user's, or the template's default."
    )
    category: str | None
    priority: int | None
    lane: str | None = Field(description="The queue that it would go to.")
    scheduled_until: datetime | None
    subject: str | None = Field(description="Of the email, rendered.")
    title: str | None = Field(description="Of the push, rendered.")
    reasons: list[ReasonView] = Field(
        description="Everything against sending it: what is refused, then what the recipient does "
        "not want or have, then what a worker would find."
    )
    notes: list[NoteView]

    @classmethod
    def of(cls, request: NotificationRequest, explained: ExplainedNotification) -> Self:
        """Show an explanation."""
        explanation = explained.explanation
        content, channel = explanation.content, request.notification_type
        return cls(
            would_send=explanation.would_send,
            outcome=explanation.outcome,
            notification_type=channel,
            user_id=request.user_id,
            recipients=[RecipientView.of(one) for one in explanation.recipients],
            template_code=request.template_code,
            template_version=content.live.version if content else None,
            language=content.language if content else None,
            language_from=content.language_from if content else None,
            category=explanation.category,
            priority=explanation.priority,
            lane=explanation.lane,
            scheduled_until=explanation.until,
            subject=explained.headline if channel is NotificationType.EMAIL else None,
            title=explained.headline if channel is NotificationType.PUSH else None,
            reasons=[ReasonView.of(one) for one in explanation.all_reasons],
            notes=[NoteView.of(one) for one in explained.notes],
        )
