"""The one shape of every JSON answer."""

from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.error_codes import ErrorCode


class ErrorDetail(BaseModel):
    """One thing that is wrong with a request."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="Path of the field, dotted: `variables.name`.")
    code: str = Field(description="What rule it breaks: `missing`, `uuid_parsing`, …")
    message: str = Field(description="The same for people.")


class PageMeta(BaseModel):
    """Where a page lies in its list."""

    model_config = ConfigDict(frozen=True)

    total: int = Field(description="Rows in the whole list; exact up to the list's counting limit.")
    limit: int
    page: int
    total_pages: int
    has_next: bool
    has_previous: bool
    next_cursor: str | None = Field(
        default=None, description="Leads to the next page of a list that can be walked so."
    )

    @classmethod
    def of(cls, *, total: int, limit: int, page: int, next_cursor: str | None = None) -> "PageMeta":
        """Derive the rest from a total, a page size and a page number that begins with 1.

        With a `next_cursor` there is a next page, though the total may be counted out.
        """
        pages = -(-total // limit)
        return cls(
            total=total,
            limit=limit,
            page=page,
            total_pages=pages,
            has_next=next_cursor is not None or page < pages,
            has_previous=page > 1,
            next_cursor=next_cursor,
        )


DataT = TypeVar("DataT")


class Envelope(BaseModel, Generic[DataT]):
    """Success, a sentence for people, and data; or an error code and its details."""

    success: bool
    message: str
    data: DataT | None = None
    error: ErrorCode | None = None
    meta: PageMeta | None = None


class ErrorEnvelope(BaseModel):
    """The same shape for an answer without data."""

    success: bool = False
    message: str
    data: Any = None
    error: ErrorCode
    meta: None = None
    details: list[ErrorDetail] | None = None
