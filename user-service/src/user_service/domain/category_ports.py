"""What the use cases need of the catalogue of categories."""

from collections.abc import Callable
from typing import Protocol

from contracts.category import Category, CategoryCatalogue

DecideCategory = Callable[[Category | None], Category | None]
"""What a category becomes; None: there is none. What it raises leaves everything unchanged."""


class Categories(Protocol):
    """Where categories are kept. Each method is one transaction."""

    async def catalogue(self) -> CategoryCatalogue:
        """All of them, in the order of their codes."""
        ...

    async def change(self, code: str, decide: DecideCategory) -> CategoryCatalogue:
        """Store what is decided in a new version of the catalogue; other changes wait meanwhile.

        Returns:
            The catalogue as it is now; its version is the old one where nothing changed.
        """
        ...
