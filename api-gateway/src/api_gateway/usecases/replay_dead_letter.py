"""Replay one dead letter, once, however often it is asked for."""

from collections.abc import Callable
from datetime import datetime

from api_gateway.domain.dead_letter import ClosingAction, DeadLetter
from api_gateway.usecases.close_dead_letter import close_dead_letter
from api_gateway.usecases.dead_letter_ports import DeadLetters


class ReplayDeadLetter:
    """Sends what was given up on its way again, as the next generation of its delivery.

    Args:
        letters: Where they are.
        now: The time, in UTC.
    """

    def __init__(self, letters: DeadLetters, now: Callable[[], datetime]) -> None:
        self._letters = letters
        self._now = now

    async def __call__(self, public_id: str, *, closed_by: str) -> DeadLetter:
        """Replay a letter; returns it as it is afterwards, the same for a repeat.

        Raises:
            NotFoundError: There is no such letter.
            ConflictError: It was discarded, is not the newest of its delivery, or cannot be sent.
        """
        return await close_dead_letter(
            self._letters,
            public_id,
            ClosingAction.REPLAY,
            closed_by=closed_by,
            now=self._now(),
        )
