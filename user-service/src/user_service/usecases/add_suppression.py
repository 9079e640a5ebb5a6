"""Suppress an address because somebody says so."""

from collections.abc import Callable
from datetime import datetime

from contracts.notification import NotificationType
from contracts.suppression import SuppressionReason
from user_service.domain.errors import ExpiryPassedError
from user_service.domain.suppression import Suppression, suppress
from user_service.usecases.change_suppression import ChangeSuppression


class AddSuppression:
    """Keeps an e-mail address from being sent to, from the moment of its answer."""

    def __init__(self, change: ChangeSuppression, *, now: Callable[[], datetime]) -> None:
        self._change = change
        self._now = now

    async def __call__(
        self, digest: str, *, reason: SuppressionReason, expires_at: datetime | None, by: str
    ) -> Suppression:
        """What is kept of the address now: perhaps a stronger reason, or a later expiry.

        Args:
            digest: The address's.
            reason: Why.
            expires_at: None: until it is lifted.
            by: The caller who says so.

        Raises:
            ExpiryPassedError: It would have ended already.
        """
        now = self._now()
        heard = Suppression(
            address_digest=digest,
            notification_type=NotificationType.EMAIL,
            reason=reason,
            source=by,
            created_at=now,
            expires_at=expires_at,
        )
        if heard.has_expired(now):
            raise ExpiryPassedError
        change = await self._change(digest, lambda held: suppress(held, heard, now))
        assert change.after is not None, "what has not expired is kept"
        return change.after
