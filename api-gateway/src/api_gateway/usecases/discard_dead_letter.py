"""Discard one dead letter, once, however often it is asked for."""

from collections.abc import Callable
from datetime import datetime

from api_gateway.domain.dead_letter import ClosingAction, DeadLetter
from api_gateway.usecases.close_dead_letter import close_dead_letter
from api_gateway.usecases.dead_letter_ports import DeadLetters


class DiscardDeadLetter:
    """Says that what was given up stays so.

    Args:
        letters: Where they are.
        now: The time, in UTC.
    """

    def __init__(self, letters: DeadLetters, now: Callable[[], datetime]) -> None:
        self._letters = letters
        self._now = now

    async def __call__(self, public_id: str, *, closed_by: str) -> DeadLetter:
        """Discard a letter; returns it as it is afterwards, the same for a repeat.

        Raises:
            NotFoundError: There is no such letter.
            ConflictError: It was replayed.
        """
        return await close_dead_letter(
            self._letters,
            public_id,
            ClosingAction.DISCARD,
            closed_by=closed_by,
            now=self._now(),
        )
