"""Look at the suppressions in force: of one address, or of all, page by page."""

from collections.abc import Callable, Sequence
from datetime import datetime

from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import Suppressions


class FindSuppressions:
    """Reads suppressions; which addresses they are of, nobody knows."""

    def __init__(self, suppressions: Suppressions, *, now: Callable[[], datetime]) -> None:
        self._suppressions = suppressions
        self._now = now

    async def of(self, digest: str) -> Suppression | None:
        """The suppression of one address, if it is in force."""
        found = (await self._suppressions.find([digest])).get(digest)
        return found if found is not None and found.is_in_force(self._now()) else None

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[Suppression], int]:
        """`limit` of them after `offset` others, newest first; and how many there are."""
        return await self._suppressions.page(self._now(), limit=limit, offset=offset)
