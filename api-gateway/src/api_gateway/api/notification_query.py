"""What a list of notifications can be asked for: filters, and a page by number or by cursor."""

import hashlib
from datetime import datetime
from typing import Annotated, Any, Final
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from api_gateway.api.utc_time import UtcTime
from api_gateway.domain.notification_filter import NotificationFilter
from contracts.notification import NotificationStatus, NotificationType
from contracts.template_code import TEMPLATE_CODE
from servicekit.pagination import MAX_PAGE


def _without_prefix(value: Any) -> Any:
    return value.removeprefix("batch_") if isinstance(value, str) else value


_PAGING: Final = {"page", "limit", "cursor"}


class NotificationQuery(BaseModel):
    """Filters narrow a list down together; others are refused, as the list would be too long."""

    model_config = ConfigDict(extra="forbid")

    user_id: UUID | None = Field(default=None, description="Whom they were sent to.")
    status: NotificationStatus | None = None
    notification_type: NotificationType | None = None
    template_code: str | None = Field(default=None, pattern=TEMPLATE_CODE)
    batch_id: Annotated[UUID, BeforeValidator(_without_prefix)] | None = None
    created_from: UtcTime | None = Field(default=None, description="Stored then or later.")
    created_to: UtcTime | None = Field(default=None, description="Stored before.")
    page: Annotated[int, Field(ge=1, le=MAX_PAGE)] | None = Field(
        default=None, description="From 1; left out: 1. For what lies deep a cursor is faster."
    )
    limit: int = Field(default=10, ge=1, le=100, description="Rows per page.")
    cursor: str | None = Field(
        default=None, description="`next_cursor` of the page before, with the same filters."
    )

    @field_validator("created_to")
    @classmethod
    def _not_before_it_begins(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        begin = info.data.get("created_from")
        if value is not None and begin is not None and value <= begin:
            raise PydanticCustomError("time_order", "created_to must be after created_from.")
        return value

    @field_validator("cursor")
    @classmethod
    def _instead_of_a_page(cls, value: str | None, info: ValidationInfo) -> str | None:
        if value is not None and info.data.get("page") is not None:
            raise PydanticCustomError("ambiguous", "Give a page or a cursor, not both.")
        return value

    def to_filter(self) -> NotificationFilter:
        """The same in the domain's terms."""
        return NotificationFilter(
            **{name: getattr(self, name) for name in type(self).model_fields if name not in _PAGING}
        )

    def digest(self, caller_id: str) -> bytes:
        """Tells a caller's list with these filters from all others."""
        asked = self.model_dump_json(exclude=_PAGING, exclude_none=True)
        return hashlib.sha256(f"{caller_id} {asked}".encode()).digest()
