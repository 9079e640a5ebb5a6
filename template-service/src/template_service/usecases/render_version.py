"""Render a published version with given values, for the gateway's explanations."""

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from template_service.domain.compiled_content import (
    Compiled,
    compile_channel,
    problem_of,
    render_headline,
)
from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.ports import Templates
from templating import TemplatingError

KEPT: Final = 64
AT_ONCE: Final = 2
"""Rendering takes up to a second of computing (`templating.limits`), and shares the process with
everything that the gateway needs to accept notifications: the others wait."""

_Key = tuple[str, str, int, NotificationType]


class RenderVersion:
    """Renders in threads; versions are immutable, so compiled ones are kept.

    Args:
        templates: Where versions are.
        kept: Compiled contents in memory; the least recently used goes first.
        at_once: Renderings at a time.
    """

    def __init__(self, templates: Templates, *, kept: int = KEPT, at_once: int = AT_ONCE) -> None:
        self._templates = templates
        self._kept = kept
        self._room = asyncio.Semaphore(at_once)
        self._compiled: OrderedDict[_Key, Compiled] = OrderedDict()

    async def __call__(
        self,
        code: str,
        *,
        language: str,
        version: int,
        channel: NotificationType,
        variables: Mapping[str, Any],
    ) -> RenderedHeadline:
        """The headline, or why it cannot be rendered.

        Raises:
            TemplateNotFoundError: It was never published, or not for this channel.
        """
        key = (code, language, version, channel)
        try:
            compiled = self._compiled.get(key) or await self._load(key)
        except TemplatingError as error:
            return problem_of(error)
        self._keep(key, compiled)
        async with self._room:
            return await asyncio.to_thread(render_headline, compiled, variables)

    async def _load(self, key: _Key) -> Compiled:
        code, language, version, channel = key
        found = await self._templates.find_version(code, language, version)
        if found is None:
            raise TemplateNotFoundError(code, language, version)
        async with self._room:
            compiled = await asyncio.to_thread(compile_channel, found.content, channel)
        if compiled is None:
            raise TemplateNotFoundError(code, language, version)
        return compiled

    def _keep(self, key: _Key, compiled: Compiled) -> None:
        self._compiled[key] = compiled
        self._compiled.move_to_end(key)
        if len(self._compiled) > self._kept:
            self._compiled.popitem(last=False)
