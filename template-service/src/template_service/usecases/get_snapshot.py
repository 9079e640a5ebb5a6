"""Tell the gateway what it must know of a template to accept a notification."""

from contracts.template_snapshot import TemplateSnapshot
from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.ports import Templates


class GetSnapshot:
    """Reads a template without any source text."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(self, code: str) -> TemplateSnapshot:
        """The template with all its languages.

        Raises:
            TemplateNotFoundError: There is no such template.
        """
        template = await self._templates.find(code)
        if template is None:
            raise TemplateNotFoundError(code)
        return template.snapshot()
