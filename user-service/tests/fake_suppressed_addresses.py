"""What workers see, in memory; `SuppressedAddressesSuite` shows that it behaves as Redis does."""

from collections.abc import Mapping

from contracts.suppression import SuppressionReason
from user_service.domain.suppression import Suppression


class FakeSuppressedAddresses:
    """Hears nothing while `is_away`; `reasons` is what workers see."""

    def __init__(self) -> None:
        self.reasons: dict[str, SuppressionReason] = {}
        self.is_away = False
        self._sign: str | None = None

    async def tell(self, states: Mapping[str, Suppression | None]) -> bool:
        if self.is_away:
            return False
        for digest, suppression in states.items():
            if suppression is None:
                self.reasons.pop(digest, None)
            else:
                self.reasons[digest] = suppression.reason
        return True

    async def mark_begun(self) -> None:
        if not self.is_away:
            self._sign = self._sign or "begun"

    async def mark_complete(self) -> None:
        if not self.is_away and self._sign:
            self._sign = "complete"

    async def is_complete(self) -> bool:
        return self._sign == "complete" and not self.is_away

    def forget(self) -> None:
        """As Redis does when it loses its memory."""
        self.reasons.clear()
        self._sign = None
