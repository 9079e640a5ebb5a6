"""List all templates, page by page."""

from collections.abc import Sequence

from template_service.domain.ports import Templates
from template_service.domain.template import TemplateAtVersion


class ListTemplates:
    """Reads a page of templates, each with what is live in its default language."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(self, *, limit: int, offset: int) -> tuple[Sequence[TemplateAtVersion], int]:
        """`limit` templates after `offset` others, by code; and how many exist."""
        return await self._templates.page(limit=limit, offset=offset)
