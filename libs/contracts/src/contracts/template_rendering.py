"""What the gateway asks template-service to render when it explains a notification.

It renders nothing itself: templates are other people's programs, and the process that accepts
notifications runs none of them.
"""

from typing import Annotated, Any, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from contracts.language import MAX_LENGTH, canonical_language
from contracts.notification import NotificationType


class RenderingRequest(BaseModel):
    """Which language and channel of a version, and the values to put in."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={
            "example": {
                "language": "en",
                "notification_type": "email",
                "variables": {"name": "John"},
            }
        },
    )

    language: Annotated[str, Field(max_length=MAX_LENGTH), AfterValidator(canonical_language)]
    notification_type: NotificationType
    variables: dict[str, Any] = Field(default_factory=dict)


class RenderedHeadline(BaseModel):
    """How rendering the whole content ended: with its headline, or with a problem."""

    model_config = ConfigDict(
        frozen=True, json_schema_extra={"example": {"headline": "Welcome, John", "problem": None}}
    )

    headline: str | None = Field(
        default=None, description="The subject of an email, the title of a push."
    )
    problem: str | None = Field(default=None, description="Why it cannot be rendered.")

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.headline is None) == (self.problem is None):
            msg = "there is either a headline or a problem"
            raise ValueError(msg)
        return self
