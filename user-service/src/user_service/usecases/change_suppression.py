"""Change what is kept of one address, then tell gateway and workers: what all changes share."""

from user_service.domain.ports import Snapshots
from user_service.domain.suppression_ports import (
    DecideSuppression,
    SuppressionChange,
    Suppressions,
)
from user_service.usecases.announce_suppressions import AnnounceSuppressions


class ChangeSuppression:
    """Stores a decision about an address; when it returns, everybody who was there was told.

    They are told where nothing changed too: a repeat may follow an attempt that ended in between.
    """

    def __init__(
        self, suppressions: Suppressions, snapshots: Snapshots, announce: AnnounceSuppressions
    ) -> None:
        self._suppressions = suppressions
        self._snapshots = snapshots
        self._announce = announce

    async def __call__(self, digest: str, decide: DecideSuppression) -> SuppressionChange:
        """What is kept now, and who has the address."""
        change = await self._suppressions.change(digest, decide)
        for user in change.users:
            await self._snapshots.store_user(user.snapshot())
        await self._announce([digest])
        return change
