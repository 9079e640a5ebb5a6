"""Hand out the sources of one version, which never changes and never goes away."""

from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.ports import Templates
from template_service.domain.template import PublishedVersion


class GetVersion:
    """Reads one version for a worker that renders it."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(self, code: str, *, language: str, version: int) -> PublishedVersion:
        """The version, live or not.

        Raises:
            TemplateNotFoundError: It was never published.
        """
        found = await self._templates.find_version(code, language, version)
        if found is None:
            raise TemplateNotFoundError(code, language, version)
        return found
