"""Dead letters and their jobs, as administrators read them."""

from datetime import datetime
from typing import Any, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from api_gateway.api.examples import DRY_RUN, JOB, LETTER, LETTER_SUMMARY
from api_gateway.api.schemas import TimelineEventView, mask
from api_gateway.domain.dead_letter import (
    ClosingAction,
    DeadLetter,
    DeadLetterJob,
    ExaminedLetter,
    JobState,
    LetterState,
    SelectionCount,
    selection_document,
    show_body,
)
from api_gateway.domain.identifiers import public_notification_id


class DeadLetterSummary(BaseModel):
    """A dead letter as lists show it; the address is masked."""

    model_config = ConfigDict(json_schema_extra={"example": LETTER_SUMMARY})

    id: UUID
    delivery_id: UUID | None = Field(description="None: it could not be read as a delivery.")
    generation: int
    notification_id: str | None
    notification_type: str | None
    client_id: str | None
    template_code: str | None
    recipient: str | None
    reason: str
    detail: str | None
    received_at: datetime
    state: LetterState
    closed_at: datetime | None
    closed_by: str | None
    job_id: UUID | None = Field(description="The job that closed it, or passed over it last.")
    erased_at: datetime | None = Field(
        description="When the variables in its message were erased: it was closed, or too old."
    )

    @classmethod
    def of(cls, letter: DeadLetter) -> Self:
        """Show a letter."""
        return cls(**_summary_values(letter))


class DeadLetterView(DeadLetterSummary):
    """A dead letter in full, the address in its message included."""

    model_config = ConfigDict(json_schema_extra={"example": LETTER})

    headers: dict[str, Any]
    message: Any = Field(description="The message, where it is JSON.")
    message_base64: str | None = Field(description="Its bytes, where it is not.")
    message_note: str | None
    attempts: list[TimelineEventView] = Field(
        description="The history of its delivery, all generations."
    )

    @classmethod
    def examined(cls, examined: ExaminedLetter) -> Self:
        """Show a letter in full."""
        shown = show_body(examined.body)
        return cls(
            **_summary_values(examined.letter),
            headers=examined.letter.headers,
            message=shown.document,
            message_base64=shown.base64,
            message_note=shown.note,
            attempts=[TimelineEventView.of(event) for event in examined.attempts],
        )


class DeadLetterJobView(BaseModel):
    """How far a job has come: `done` and `skipped` grow to `total`."""

    model_config = ConfigDict(json_schema_extra={"example": JOB})

    id: UUID
    action: ClosingAction
    selection: dict[str, Any]
    until: datetime = Field(description="Letters received later are not part of it.")
    requested_by: str
    created_at: datetime
    total: int
    done: int
    skipped: int = Field(description="Could not be replayed, or were closed by somebody else.")
    state: JobState
    finished_at: datetime | None

    @classmethod
    def of(cls, job: DeadLetterJob) -> Self:
        """Show a job."""
        names = set(cls.model_fields) - {"selection"}
        return cls(
            selection=selection_document(job.selection),
            **{name: getattr(job, name) for name in names},
        )


class ReasonCount(BaseModel):
    """How many have this reason."""

    reason: str
    count: int


class TemplateCount(BaseModel):
    """How many are of this template; None: of none, as they are no deliveries."""

    template_code: str | None
    count: int


class DryRunView(BaseModel):
    """What a job would be for. Nothing was done."""

    model_config = ConfigDict(json_schema_extra={"example": DRY_RUN})

    action: ClosingAction
    total: int
    by_reason: list[ReasonCount]
    by_template: list[TemplateCount]

    @classmethod
    def of(cls, action: ClosingAction, counted: SelectionCount) -> Self:
        """Show what a selection holds."""
        return cls(
            action=action,
            total=counted.total,
            by_reason=[ReasonCount(reason=key, count=n) for key, n in counted.by_reason],
            by_template=[
                TemplateCount(template_code=key, count=n) for key, n in counted.by_template
            ],
        )


def _summary_values(letter: DeadLetter) -> dict[str, Any]:
    names = set(DeadLetterSummary.model_fields) - {"notification_id", "recipient"}
    return {
        **{name: getattr(letter, name) for name in names},
        "notification_id": (
            public_notification_id(letter.notification_id) if letter.notification_id else None
        ),
        "recipient": mask(letter.recipient) if letter.recipient else None,
    }
