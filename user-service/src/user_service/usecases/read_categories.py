"""Say what categories there are."""

from contracts.category import CategoryCatalogue
from user_service.domain.category_ports import Categories


class ReadCategories:
    """Reads the catalogue."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories

    async def __call__(self) -> CategoryCatalogue:
        """All categories, in the order of their codes."""
        return await self._categories.catalogue()
