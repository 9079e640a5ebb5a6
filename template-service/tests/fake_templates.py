"""Templates in memory; `TemplatesSuite` shows that they behave as those in PostgreSQL do."""

from collections.abc import Collection, Sequence

from template_service.domain.errors import TemplateExistsError
from template_service.domain.ports import Decide
from template_service.domain.publication import Current, Revision
from template_service.domain.template import PublishedVersion, Template, TemplateAtVersion


class FakeTemplates:
    def __init__(self) -> None:
        self._templates: dict[str, Template] = {}
        self._versions: dict[tuple[str, str, int], PublishedVersion] = {}

    async def create(self, new: TemplateAtVersion) -> None:
        if new.template.code in self._templates:
            raise TemplateExistsError(new.template.code)
        self._store(new)

    async def find(self, code: str) -> Template | None:
        return self._templates.get(code)

    async def find_many(self, codes: Collection[str]) -> Sequence[Template]:
        return [self._templates[code] for code in set(codes) & self._templates.keys()]

    async def find_version(self, code: str, language: str, version: int) -> PublishedVersion | None:
        return self._versions.get((code, language, version))

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[TemplateAtVersion], int]:
        codes = sorted(self._templates)[offset : offset + limit]
        return [self._at_default(self._templates[code]) for code in codes], len(self._templates)

    async def change(self, code: str, language: str | None, decide: Decide) -> Revision | None:
        template = self._templates.get(code)
        if template is None:
            return None
        language = language or template.default_language
        live = template.live.get(language)
        numbers = [key[2] for key in self._versions if key[:2] == (code, language)]
        revision = decide(
            Current(
                template=template,
                language=language,
                live=self._versions[code, language, live.version] if live else None,
                latest_version=max(numbers, default=0),
            )
        )
        self._store(revision.result)
        return revision

    def _store(self, stored: TemplateAtVersion) -> None:
        version = stored.version
        self._templates[stored.template.code] = stored.template
        self._versions[version.code, version.language, version.version] = version

    def _at_default(self, template: Template) -> TemplateAtVersion:
        language = template.default_language
        number = template.live[language].version
        return TemplateAtVersion(template, self._versions[template.code, language, number])
