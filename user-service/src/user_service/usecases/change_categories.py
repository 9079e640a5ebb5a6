"""Describe a category, or remove one."""

from contracts.category import BUILT_IN, Category
from user_service.domain.category_ports import Categories
from user_service.domain.errors import BuiltInCategoryError, CategoryNotFoundError
from user_service.domain.ports import Snapshots


class ChangeCategories:
    """Changes the catalogue, then tells the gateway, then answers."""

    def __init__(self, categories: Categories, snapshots: Snapshots) -> None:
        self._categories = categories
        self._snapshots = snapshots

    async def describe(self, category: Category) -> bool:
        """Add a category, or replace what was known of it; tells whether it is new."""
        is_new = False

        def decide(before: Category | None) -> Category:
            nonlocal is_new
            is_new = before is None
            return category

        catalogue = await self._categories.change(category.code, decide)
        await self._snapshots.store_categories(catalogue)
        return is_new

    async def remove(self, code: str) -> Category:
        """Remove a category; what users chose for it counts again when it comes back.

        Raises:
            CategoryNotFoundError: There is none with this code.
            BuiltInCategoryError: The system itself sends it.
        """
        removed: list[Category] = []

        def decide(before: Category | None) -> None:
            if before is None:
                raise CategoryNotFoundError
            if BUILT_IN.find(code) is not None:
                raise BuiltInCategoryError(code)
            removed.append(before)

        catalogue = await self._categories.change(code, decide)
        await self._snapshots.store_categories(catalogue)
        return removed[0]
