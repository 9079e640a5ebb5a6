"""List dead letters, for administrators."""

from api_gateway.domain.dead_letter import DeadLetter, LetterFilter, LetterState
from api_gateway.usecases.dead_letter_ports import DeadLetters


class ListDeadLetters:
    """Lists what was given up."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    async def __call__(
        self, wanted: LetterFilter, state: LetterState | None, *, offset: int, limit: int
    ) -> tuple[list[DeadLetter], int]:
        """Letters, those received last first; and how many there are, exact up to 10,000.

        Args:
            wanted: Which.
            state: None: open and closed ones.
            offset: Letters to pass over.
            limit: Letters at most.
        """
        return await self._letters.page(wanted, state, offset=offset, limit=limit)
