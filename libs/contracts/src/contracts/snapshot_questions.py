"""What the gateway asks for many snapshots at once; the answer leaves out what does not exist."""

from typing import Annotated, Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

MOST_SNAPSHOTS: Final = 1_000
"""Of one question."""


class UserSnapshotsQuestion(BaseModel):
    """Which users; one that is named twice is answered once."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"user_ids": ["0197a8a0-0000-7000-8000-000000000001"]}]},
    )

    user_ids: Annotated[list[UUID], Field(min_length=1, max_length=MOST_SNAPSHOTS)]


class TemplateSnapshotsQuestion(BaseModel):
    """Which templates; a code that no template can have is one that does not exist."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"codes": ["welcome_email"]}]}
    )

    codes: Annotated[list[str], Field(min_length=1, max_length=MOST_SNAPSHOTS)]
