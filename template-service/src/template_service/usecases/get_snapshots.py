"""Tell the gateway what it must know of many templates at once."""

from collections.abc import Collection, Sequence

from contracts.template_code import is_template_code
from contracts.template_snapshot import TemplateSnapshot
from template_service.domain.ports import Templates


class GetSnapshots:
    """Reads templates without any source text."""

    def __init__(self, templates: Templates) -> None:
        self._templates = templates

    async def __call__(self, codes: Collection[str]) -> Sequence[TemplateSnapshot]:
        """Those that exist, each once and in no order; not every text can be a code."""
        possible = [code for code in codes if is_template_code(code)]
        if not possible:
            return []
        return [template.snapshot() for template in await self._templates.find_many(possible)]
