"""Look at a template with the version that is live, or with another."""

from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.ports import Templates
from template_service.domain.template import TemplateAtVersion


class GetTemplate:
    """Reads a template and one version of it."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(
        self, code: str, *, language: str | None = None, version: int | None = None
    ) -> TemplateAtVersion:
        """The template in its default language unless told, at the live version unless told.

        Raises:
            TemplateNotFoundError: There is no such template, language or version.
        """
        template = await self._templates.find(code)
        if template is None:
            raise TemplateNotFoundError(code)
        language = language or template.default_language
        if version is None:
            live = template.live.get(language)
            if live is None:
                raise TemplateNotFoundError(code, language)
            version = live.version
        found = await self._templates.find_version(code, language, version)
        if found is None:
            raise TemplateNotFoundError(code, language, version)
        return TemplateAtVersion(template, found)
