"""Tell the workers which addresses are suppressed, so that what they see ends up as it is kept."""

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import SuppressedAddresses, Suppressions

_BATCH: Final = 500


class AnnounceSuppressions:
    """Tells what is kept, and looks again whether it is still so.

    Of two who change an address at the same time the first may be the last to tell. Nothing is
    locked while the workers are told; instead whoever has told reads again, and so the last one
    to tell has told the last change.
    """

    def __init__(
        self,
        suppressions: Suppressions,
        addresses: SuppressedAddresses,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._suppressions = suppressions
        self._addresses = addresses
        self._now = now
        self._is_behind = False

    @property
    def is_behind(self) -> bool:
        """Whether there is something that the workers could not be told when it happened."""
        return self._is_behind

    async def all(self) -> None:
        """Tell the state of all addresses; what cannot be told now leaves us behind."""
        self._is_behind = False
        await self._addresses.mark_begun()
        after = ""
        while digests := await self._suppressions.digests(after=after, limit=_BATCH):
            if not await self(digests):
                return
            after = digests[-1]
        await self._addresses.mark_complete()

    async def is_forgotten(self) -> bool:
        """Whether the workers may see less than they were told, or cannot be asked."""
        return not await self._addresses.is_complete()

    async def __call__(self, digests: Collection[str]) -> bool:
        """Tell the state of these addresses; False: the workers could not be told now."""
        states = await self._read(digests)
        while states:
            if not await self._addresses.tell(states):
                self._is_behind = True
                return False
            again = await self._read(states)
            states = {digest: state for digest, state in again.items() if state != states[digest]}
        return True

    async def _read(self, digests: Collection[str]) -> dict[str, Suppression | None]:
        kept = await self._suppressions.find(digests)
        now = self._now()
        return {
            digest: one if (one := kept.get(digest)) and one.is_in_force(now) else None
            for digest in digests
        }
