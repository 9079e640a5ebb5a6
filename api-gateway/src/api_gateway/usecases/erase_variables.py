"""Erase what failed notifications and dead letters say once nobody may replay them any more."""

from typing import Final, NamedTuple

from api_gateway.usecases.history_ports import DueErasures

NOTIFICATIONS: Final = 500
LETTERS: Final = 20
"""Of which each may be megabytes, and goes through our memory."""


class Erased(NamedTuple):
    """How many were erased."""

    notifications: int
    dead_letters: int


class EraseVariables:
    """Erases batch by batch, so that no transaction holds many locks."""

    def __init__(self, due: DueErasures) -> None:
        self._due = due

    async def __call__(self) -> Erased:
        """Erase all that are due."""
        notifications = letters = 0
        while batch := await self._due.erase_notifications(NOTIFICATIONS):
            notifications += batch
        while batch := await self._due.erase_dead_letters(LETTERS):
            letters += batch
        return Erased(notifications, letters)
