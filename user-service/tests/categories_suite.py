"""How every `Categories` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
import secrets

import pytest

from contracts.category import BUILT_IN, Category, CategoryCatalogue, CategoryDefault
from user_service.domain.category_ports import Categories


def new_category(code: str | None = None, **values: object) -> Category:
    return Category.model_validate(
        {
            "code": code or f"own_{secrets.token_hex(8)}",
            "name": "Own",
            "default": CategoryDefault.OPTED_OUT,
            **values,
        }
    )


class CategoriesSuite:
    async def test_begins_with_those_that_are_built_in(self, categories: Categories) -> None:
        catalogue = await categories.catalogue()
        for category in BUILT_IN.categories:
            assert catalogue.find(category.code) == category
        assert catalogue.version >= 1

    async def test_keeps_what_is_decided_in_a_new_version(self, categories: Categories) -> None:
        before = await categories.catalogue()
        first = new_category()
        second = first.model_copy(update={"name": "New", "is_urgent": True})
        added = await categories.change(first.code, lambda _: first)
        changed = await categories.change(first.code, lambda _: second)
        assert added.find(first.code) == first
        assert changed.find(first.code) == second
        assert before.version < added.version < changed.version
        assert await categories.catalogue() == changed
        codes = [one.code for one in changed.categories]
        assert codes == sorted(codes)

    async def test_a_removed_one_is_gone_in_a_new_version_and_may_come_back(
        self, categories: Categories
    ) -> None:
        one = new_category()
        added = await categories.change(one.code, lambda _: one)
        removed = await categories.change(one.code, lambda _: None)
        assert removed.find(one.code) is None
        assert removed.version > added.version
        again = await categories.change(one.code, lambda before: one if before is None else None)
        assert again.find(one.code) == one
        assert again.version > removed.version

    async def test_what_changes_nothing_makes_no_version(self, categories: Categories) -> None:
        one = new_category()
        added = await categories.change(one.code, lambda _: one)
        assert await categories.change(one.code, lambda before: before) == added
        assert await categories.change("no_such_thing", lambda before: before) == added

    async def test_a_refused_decision_changes_nothing(self, categories: Categories) -> None:
        before = await categories.catalogue()

        def refuse(_: Category | None) -> None:
            raise LookupError

        with pytest.raises(LookupError):
            await categories.change("welcome", refuse)
        assert await categories.catalogue() == before

    async def test_changes_at_once_each_make_a_version(self, categories: Categories) -> None:
        before = await categories.catalogue()
        several = [new_category() for _ in range(5)]

        async def add(one: Category) -> CategoryCatalogue:
            return await categories.change(one.code, lambda _: one)

        changed = await asyncio.gather(*(add(one) for one in several))
        assert sorted(one.version for one in changed) == [
            before.version + number for number in range(1, 6)
        ]
        after = await categories.catalogue()
        assert all(after.find(one.code) == one for one in several)
