"""Which dead letters a request means: the filters of a list, and the selection of a job."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationInfo,
    field_validator,
)
from pydantic_core import PydanticCustomError

from api_gateway.api.utc_time import UtcTime
from api_gateway.domain.dead_letter import LetterFilter, LetterState, Selection
from contracts.envelope import ErrorDetail
from contracts.notification import NotificationType
from contracts.template_code import TEMPLATE_CODE
from servicekit.errors import UnprocessableContentError
from servicekit.pagination import MAX_PAGE, PageQuery
from servicekit.text_types import NO_NUL

MAX_IDS: Final = 1_000

_Reason = Annotated[str, StringConstraints(min_length=1, max_length=100), NO_NUL]


class LetterFilterFields(BaseModel):
    """What dead letters can be told apart by; what is left out is not asked for."""

    model_config = ConfigDict(extra="forbid")

    notification_type: NotificationType | None = None
    reason: _Reason | None = Field(default=None, description="Exactly, such as `invalid_message`.")
    template_code: str | None = Field(default=None, pattern=TEMPLATE_CODE)
    received_from: UtcTime | None = Field(default=None, description="Received then or later.")
    received_to: UtcTime | None = Field(default=None, description="Received before.")

    @field_validator("received_to")
    @classmethod
    def _not_before_it_begins(cls, value: datetime | None, info: ValidationInfo) -> datetime | None:
        begin = info.data.get("received_from")
        if value is not None and begin is not None and value <= begin:
            raise PydanticCustomError("time_order", "received_to must be after received_from.")
        return value

    def to_filter(self) -> LetterFilter:
        """The same in the domain's terms."""
        return LetterFilter(
            self.notification_type,
            self.reason,
            self.template_code,
            self.received_from,
            self.received_to,
        )


class ListedState(StrEnum):
    """Which states a list shows."""

    OPEN = "open"
    REPLAYED = "replayed"
    DISCARDED = "discarded"
    ALL = "all"


class DeadLetterQuery(LetterFilterFields):
    """Filters and page of a list; any other parameter is refused, as it would find too much."""

    state: ListedState = ListedState.OPEN
    page: int = Field(default=1, ge=1, le=MAX_PAGE, description="From 1.")
    limit: int = Field(default=10, ge=1, le=100, description="Rows per page.")

    def to_state(self) -> LetterState | None:
        """The state in the domain's terms; None: any."""
        return None if self.state is ListedState.ALL else LetterState(self.state.value)

    def to_page(self) -> PageQuery:
        """Which page is asked for."""
        return PageQuery(self.page, self.limit)


class DeadLetterSelection(BaseModel):
    """The open dead letters to replay or discard: `ids`, or a `filter`, or `all`; one of them."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"filter": {"reason": "retries_exhausted"}, "dry_run": True}},
    )

    ids: Annotated[list[UUID], Field(min_length=1, max_length=MAX_IDS)] | None = None
    filter: LetterFilterFields | None = None
    everything: Literal[True] | None = Field(default=None, alias="all")
    dry_run: bool = Field(
        default=False, strict=True, description="Only say how many there are; do nothing."
    )

    def to_selection(self) -> Selection:
        """The same in the domain's terms.

        Raises:
            UnprocessableContentError: None of the three is given, or several, or a filter that
                filters nothing.
        """
        given = [
            name
            for name, value in (
                ("ids", self.ids),
                ("filter", self.filter),
                ("all", self.everything),
            )
            if value is not None
        ]
        if not given:
            raise _invalid(["ids"], "missing", "Give one of ids, filter or all.")
        if len(given) > 1:
            raise _invalid(given, "ambiguous", f"Give one of {' and '.join(given)}, not both.")
        if self.ids is not None:
            return Selection(ids=tuple(dict.fromkeys(self.ids)))
        wanted = self.filter.to_filter() if self.filter is not None else LetterFilter()
        if self.filter is not None and wanted == LetterFilter():
            raise _invalid(
                ["filter"], "missing", 'A filter needs a field; {"all": true} means all letters.'
            )
        return Selection(filter=wanted)


def _invalid(fields: list[str], code: str, message: str) -> UnprocessableContentError:
    return UnprocessableContentError(
        message,
        details=[ErrorDetail(field=field, code=code, message=message) for field in fields],
    )
