"""Categories in memory; `CategoriesSuite` shows that they behave as those in PostgreSQL do."""

from contracts.category import BUILT_IN, CategoryCatalogue
from user_service.domain.category_ports import DecideCategory


class FakeCategories:
    """Begins as every installation does."""

    def __init__(self) -> None:
        self._version = 1
        self._by_code = {one.code: one for one in BUILT_IN.categories}

    async def catalogue(self) -> CategoryCatalogue:
        return CategoryCatalogue(
            version=self._version,
            categories=tuple(one for _, one in sorted(self._by_code.items())),
        )

    async def change(self, code: str, decide: DecideCategory) -> CategoryCatalogue:
        before = self._by_code.get(code)
        after = decide(before)
        if after != before:
            self._version += 1
            if after is None:
                del self._by_code[code]
            else:
                self._by_code[code] = after
        return await self.catalogue()
