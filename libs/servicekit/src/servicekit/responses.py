"""Successful answers in the envelope."""

from collections.abc import Sequence
from typing import TypeVar

from contracts.envelope import Envelope
from servicekit.pagination import PageQuery

DataT = TypeVar("DataT")


def ok(data: DataT, message: str) -> Envelope[DataT]:
    """One thing."""
    return Envelope[DataT](success=True, message=message, data=data)


def page_of(
    rows: Sequence[DataT], *, total: int, query: PageQuery, message: str
) -> Envelope[list[DataT]]:
    """A page of things."""
    return Envelope[list[DataT]](
        success=True, message=message, data=list(rows), meta=query.meta(total)
    )
