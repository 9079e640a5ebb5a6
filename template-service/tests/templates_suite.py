"""How every `Templates` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
from datetime import datetime
from functools import partial

import pytest
from samples import LATER, NOW, new_template, prepared, unused_code

from template_service.domain.content import PreparedContent
from template_service.domain.errors import TemplateExistsError
from template_service.domain.ports import Decide, Templates
from template_service.domain.publication import Attributes, Current, Revision, revise
from template_service.domain.template import TemplateAtVersion


def publishing(
    content: PreparedContent, attributes: Attributes | None = None, now: datetime = LATER
) -> Decide:
    return partial(
        _decide, content=content, attributes=attributes or Attributes(), by="user:b", now=now
    )


def _decide(
    current: Current, content: PreparedContent, attributes: Attributes, by: str, now: datetime
) -> Revision:
    return revise(current, content, attributes, by=by, now=now)


class TemplatesSuite:
    @pytest.fixture
    def templates(self) -> Templates:
        raise NotImplementedError

    async def test_finds_what_was_created(self, templates: Templates) -> None:
        new = new_template()
        await templates.create(new)
        assert await templates.find(new.template.code) == new.template
        assert await templates.find_version(new.template.code, "en", 1) == new.version

    async def test_finds_nothing_that_was_never_created(self, templates: Templates) -> None:
        new = new_template()
        await templates.create(new)
        assert await templates.find(unused_code()) is None
        assert await templates.find_version(new.template.code, "en", 2) is None
        assert await templates.find_version(new.template.code, "de", 1) is None
        assert await templates.change(unused_code(), None, publishing(prepared())) is None

    async def test_finds_those_of_many_that_exist_each_once(self, templates: Templates) -> None:
        first, second = new_template(), new_template(language="de")
        for new in (first, second, new_template()):
            await templates.create(new)
        code = first.template.code
        await templates.change(code, "de", publishing(prepared("Hallo")))
        found = await templates.find_many([code, unused_code(), second.template.code, code])
        assert sorted(found, key=lambda one: one.code) == sorted(
            [await templates.find(code), second.template], key=lambda one: one.code if one else ""
        )
        assert list(await templates.find_many([])) == []

    async def test_refuses_a_code_that_is_taken_and_keeps_the_first(
        self, templates: Templates
    ) -> None:
        first = new_template(subject="First")
        await templates.create(first)
        with pytest.raises(TemplateExistsError, match=first.template.code):
            await templates.create(new_template(first.template.code, subject="Second"))
        assert await templates.find_version(first.template.code, "en", 1) == first.version

    async def test_of_creations_at_once_one_wins(self, templates: Templates) -> None:
        code = unused_code()
        results = await asyncio.gather(
            *(templates.create(new_template(code, subject=f"{i}")) for i in range(5)),
            return_exceptions=True,
        )
        assert results.count(None) == 1
        assert sum(isinstance(result, TemplateExistsError) for result in results) == 4

    async def test_a_change_makes_a_new_version_live_and_keeps_the_old_one(
        self, templates: Templates
    ) -> None:
        new = new_template(subject="Old")
        code = new.template.code
        await templates.create(new)
        revision = await templates.change(code, None, publishing(prepared("New")))
        assert revision is not None
        assert revision.is_new_version
        found = await templates.find(code)
        assert found == revision.result.template
        assert found.live["en"].version == 2
        assert (found.row_version, found.created_at, found.updated_at) == (2, NOW, LATER)
        assert await templates.find_version(code, "en", 1) == new.version
        assert await templates.find_version(code, "en", 2) == revision.result.version

    async def test_languages_are_numbered_apart(self, templates: Templates) -> None:
        new = new_template()
        code = new.template.code
        await templates.create(new)
        for subject in ("Hallo", "Guten Tag"):
            await templates.change(code, "de", publishing(prepared(subject)))
        found = await templates.find(code)
        assert found is not None
        assert {language: live.version for language, live in found.live.items()} == {
            "en": 1,
            "de": 2,
        }
        assert found.row_version == 3

    async def test_a_change_to_what_is_already_there_stores_nothing(
        self, templates: Templates
    ) -> None:
        new = new_template(subject="Same")
        await templates.create(new)
        revision = await templates.change(new.template.code, None, publishing(prepared("Same")))
        assert revision is not None
        assert not revision.is_new_version
        assert await templates.find(new.template.code) == new.template
        assert await templates.find_version(new.template.code, "en", 2) is None

    async def test_attributes_change_without_a_new_version(self, templates: Templates) -> None:
        new = new_template()
        await templates.create(new)
        change = publishing(prepared(), Attributes(name="Other", category="news"))
        await templates.change(new.template.code, None, change)
        found = await templates.find(new.template.code)
        assert found is not None
        assert (found.name, found.category, found.row_version) == ("Other", "news", 2)
        assert found.live["en"].version == 1

    async def test_changes_at_once_yield_consecutive_versions(self, templates: Templates) -> None:
        new = new_template()
        code = new.template.code
        await templates.create(new)
        revisions = await asyncio.gather(
            *(templates.change(code, None, publishing(prepared(f"No {i}"))) for i in range(20))
        )
        versions = sorted(
            revision.result.version.version for revision in revisions if revision is not None
        )
        assert versions == list(range(2, 22))
        found = await templates.find(code)
        assert found is not None
        assert (found.row_version, found.live["en"].version) == (21, 21)

    async def test_pages_hold_every_template_once_ordered_by_code(
        self, templates: Templates
    ) -> None:
        _, before = await templates.page(limit=1, offset=0)
        created = [new_template(), new_template(language="de"), new_template()]
        for new in created:
            await templates.create(new)
        seen: list[TemplateAtVersion] = []
        for offset in range(0, before + 3, 2):
            entries, total = await templates.page(limit=2, offset=offset)
            assert total == before + 3
            seen += entries
        codes = [entry.template.code for entry in seen]
        assert codes == sorted(codes)
        assert len(codes) == before + 3
        assert all(new in seen for new in created)
        beyond, total = await templates.page(limit=2, offset=before + 3)
        assert (list(beyond), total) == ([], before + 3)
