"""Decide about one dead letter: what replaying and discarding have in common."""

from datetime import datetime
from typing import Final

from api_gateway.domain.close_letter import Refused
from api_gateway.domain.dead_letter import ClosingAction, DeadLetter, parse_id
from api_gateway.usecases.dead_letter_ports import DeadLetters
from servicekit.errors import ConflictError, NotFoundError

_DONE: Final = {ClosingAction.REPLAY: "replayed", ClosingAction.DISCARD: "discarded"}


async def close_dead_letter(
    letters: DeadLetters, public_id: str, action: ClosingAction, *, closed_by: str, now: datetime
) -> DeadLetter:
    """Close a letter; returns it as it is afterwards, also where the same was done earlier.

    Raises:
        NotFoundError: There is no such letter.
        ConflictError: It was decided about differently, or it cannot be replayed.
    """
    letter_id = parse_id(public_id)
    closed = (
        await letters.close(letter_id, action, closed_by=closed_by, now=now) if letter_id else None
    )
    if closed is None:
        msg = f"There is no dead letter {public_id}."
        raise NotFoundError(msg)
    if isinstance(closed, Refused):
        msg = f"The dead letter {public_id} was not {_DONE[action]}. {closed.message}"
        raise ConflictError(msg)
    return closed
