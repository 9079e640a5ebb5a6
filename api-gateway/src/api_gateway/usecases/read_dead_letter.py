"""Read one dead letter in full, for administrators."""

from api_gateway.domain.dead_letter import ExaminedLetter, parse_id
from api_gateway.usecases.dead_letter_ports import DeadLetters
from servicekit.errors import NotFoundError


class ReadDeadLetter:
    """Reads a dead letter."""

    def __init__(self, letters: DeadLetters) -> None:
        self._letters = letters

    async def __call__(self, public_id: str) -> ExaminedLetter:
        """The letter, its message and the history of its delivery.

        Raises:
            NotFoundError: There is no such letter.
        """
        letter_id = parse_id(public_id)
        found = await self._letters.find(letter_id) if letter_id else None
        if found is None:
            msg = f"There is no dead letter {public_id}."
            raise NotFoundError(msg)
        return found
