"""Create a template; its content is live at once, as version 1."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from contracts.notification import AmbiguousPolicy
from template_service.domain.content import TemplateContent, prepare_content
from template_service.domain.ports import Snapshots, Templates
from template_service.domain.publication import first_version
from template_service.domain.template import Template, TemplateAtVersion


@dataclass(frozen=True, slots=True)
class NewTemplate:
    """What a caller says of a template that is to be."""

    code: str
    name: str
    description: str
    category: str
    ambiguous: AmbiguousPolicy
    language: str
    content: TemplateContent


class CreateTemplate:
    """Stores it, then tells the gateway, then answers."""

    def __init__(
        self, templates: Templates, snapshots: Snapshots, now: Callable[[], datetime]
    ) -> None:
        self._templates = templates
        self._snapshots = snapshots
        self._now = now

    async def __call__(self, new: NewTemplate, *, by: str) -> TemplateAtVersion:
        """The template as it was stored.

        Raises:
            InvalidContentError: The content does not compile.
            TemplateExistsError: The code is taken.
        """
        prepared = await asyncio.to_thread(prepare_content, new.content)
        now = self._now()
        template = Template(
            code=new.code,
            name=new.name,
            description=new.description,
            category=new.category,
            ambiguous=new.ambiguous,
            default_language=new.language,
            is_active=True,
            row_version=1,
            live={},
            created_at=now,
            updated_at=now,
        )
        created = first_version(template, prepared, by=by, now=now)
        await self._templates.create(created)
        await self._snapshots.store(created.template.snapshot())
        return created
