"""Successful answers in the envelope."""

from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.responses import Response

from contracts.envelope import Envelope
from servicekit.pagination import PageQuery

DataT = TypeVar("DataT")


def ok(data: DataT, message: str) -> Envelope[DataT]:
    """One thing."""
    return Envelope[DataT](success=True, message=message, data=data)


def rendered(envelope: Envelope[Any], status: int) -> Response:
    """An envelope as a response, for routes that must be fast.

    FastAPI would validate it once more. Such a route names its `response_model`, and returns what
    its checked types say that it is.
    """
    return Response(envelope.model_dump_json(), status, media_type="application/json")


def page_of(
    rows: Sequence[DataT], *, total: int, query: PageQuery, message: str
) -> Envelope[list[DataT]]:
    """A page of things."""
    return Envelope[list[DataT]](
        success=True, message=message, data=list(rows), meta=query.meta(total)
    )
