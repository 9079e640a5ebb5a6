"""Let an address be sent to again."""

from collections.abc import Callable
from datetime import datetime

from user_service.domain.errors import SuppressionNotFoundError
from user_service.domain.suppression import Suppression, lift
from user_service.usecases.change_suppression import ChangeSuppression


class LiftSuppression:
    """Ends a suppression; what is heard from before that suppresses nothing any more."""

    def __init__(self, change: ChangeSuppression, *, now: Callable[[], datetime]) -> None:
        self._change = change
        self._now = now

    async def __call__(self, digest: str) -> Suppression:
        """The suppression that has ended.

        Raises:
            SuppressionNotFoundError: The address is not suppressed; everybody was told so again.
        """
        now = self._now()
        change = await self._change(digest, lambda held: lift(held, now))
        if change.after is None or change.before == change.after:
            raise SuppressionNotFoundError
        return change.after
