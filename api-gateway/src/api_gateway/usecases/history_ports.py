"""What keeping the history small needs of the database, as roles; `adapters/` fills them."""

from typing import Protocol


class DueErasures(Protocol):
    """Variables that nobody may send again."""

    async def erase_notifications(self, limit: int) -> int:
        """Erase those of the notifications that are due longest; returns of how many.

        Raises:
            DatabaseUnavailableError: None were erased, as far as can be known.
        """
        ...

    async def erase_dead_letters(self, limit: int) -> int:
        """Erase what dead letters say that are too old to be replayed; returns of how many.

        Raises:
            DatabaseUnavailableError: None were erased, as far as can be known.
        """
        ...
