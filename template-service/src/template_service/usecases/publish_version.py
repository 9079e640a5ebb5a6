"""Publish a new version of a template in one language; it is live at once."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from template_service.domain.content import TemplateContent, prepare_content
from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.ports import Snapshots, Templates
from template_service.domain.publication import Attributes, Revision, revise


@dataclass(frozen=True, slots=True)
class Publication:
    """What a caller wants to be live; without language, in the template's default language."""

    code: str
    language: str | None
    content: TemplateContent
    attributes: Attributes


class PublishVersion:
    """Stores what differs from what is there, then tells the gateway, then answers."""

    def __init__(
        self, templates: Templates, snapshots: Snapshots, now: Callable[[], datetime]
    ) -> None:
        self._templates = templates
        self._snapshots = snapshots
        self._now = now

    async def __call__(self, publication: Publication, *, by: str) -> Revision:
        """The template as it is now, and whether that is new.

        The snapshot is stored even where nothing changed: a repeated call then also repairs what
        a Redis that was away has missed.

        Raises:
            InvalidContentError: The content does not compile.
            TemplateNotFoundError: There is no such template.
        """
        prepared = await asyncio.to_thread(prepare_content, publication.content)
        now = self._now()
        revision = await self._templates.change(
            publication.code,
            publication.language,
            lambda current: revise(current, prepared, publication.attributes, by=by, now=now),
        )
        if revision is None:
            raise TemplateNotFoundError(publication.code)
        await self._snapshots.store(revision.result.template.snapshot())
        return revision
