"""Pages of a list: `page` from 1, `limit` 10 by default and 100 at most."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Query

from contracts.envelope import PageMeta

MAX_PAGE = 100_000  # beyond this an OFFSET only burns the database's time


@dataclass(frozen=True)
class PageQuery:
    """Which page is asked for."""

    page: Annotated[int, Query(ge=1, le=MAX_PAGE, description="From 1.")] = 1
    limit: Annotated[int, Query(ge=1, le=100, description="Rows per page.")] = 10

    @property
    def offset(self) -> int:
        """Rows to pass over."""
        return (self.page - 1) * self.limit

    def meta(self, total: int) -> PageMeta:
        """Describe this page of a list of `total` rows."""
        return PageMeta.of(total=total, limit=self.limit, page=self.page)
