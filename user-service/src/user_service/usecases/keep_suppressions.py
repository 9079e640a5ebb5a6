"""Put right, again and again, what is seen of suppressions: after Redis lost its memory, after a
suppression ended by itself, and for users who were stored before there were any.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from servicekit.logs import get_logger
from user_service.domain.ports import Snapshots
from user_service.domain.suppression import end_expired
from user_service.domain.suppression_ports import Suppressions, UserDigests
from user_service.usecases.announce_suppressions import AnnounceSuppressions
from user_service.usecases.change_suppression import ChangeSuppression

_log = get_logger(__name__)

KEEP_LIFTED: Final = timedelta(days=7)
"""Longer than any queue holds news of the time before."""
_BATCH: Final = 500


class KeepSuppressions:
    """One round; any number of replicas may run it at the same time."""

    def __init__(
        self,
        suppressions: Suppressions,
        digests: UserDigests,
        snapshots: Snapshots,
        change: ChangeSuppression,
        announce: AnnounceSuppressions,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._suppressions = suppressions
        self._digests = digests
        self._snapshots = snapshots
        self._change = change
        self._announce = announce
        self._now = now

    async def __call__(self) -> None:
        """Put all right."""
        await self._fill_digests()
        await self._end_expired()
        await self._suppressions.forget_lifted(self._now() - KEEP_LIFTED)
        await self._announce.all()

    async def is_needed(self) -> bool:
        """Whether the next round should not wait; cheap."""
        return self._announce.is_behind or await self._announce.is_forgotten()

    async def _fill_digests(self) -> None:
        filled = _BATCH
        while filled == _BATCH:
            filled, suppressed = await self._digests.fill_email_digests(limit=_BATCH)
            for user in suppressed:
                await self._snapshots.store_user(user.snapshot())
            if filled:
                _log.info("email_digests.filled", count=filled, suppressed=len(suppressed))

    async def _end_expired(self) -> None:
        while digests := await self._suppressions.expired(self._now(), limit=_BATCH):
            for digest in digests:
                await self._change(digest, lambda held: end_expired(held, self._now()))
            _log.info("suppressions.expired", count=len(digests))
