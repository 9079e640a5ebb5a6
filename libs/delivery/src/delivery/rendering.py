"""Turns a delivery's template version and variables into what a provider sends.

Versions are immutable: each is fetched once, compiled once, and kept.
"""

from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import quote

from contracts.delivery_message import DeliveryMessage
from contracts.template_snapshot import TemplateVersion
from delivery.errors import PermanentDeliveryError
from servicekit.errors import UnavailableError
from servicekit.service_client import ServiceClient
from servicekit.single_flight import SingleFlight
from templating import TemplatingError

ContentT = TypeVar("ContentT")
ContentT_co = TypeVar("ContentT_co", covariant=True)

KEPT_VERSIONS: Final = 512

VersionKey = tuple[str, str, int]
"""Code, language and number."""


class TemplateUnavailableError(Exception):
    """The template cannot be had now; no attempt was made."""


class Compiled(Protocol[ContentT_co]):
    """A compiled template of one channel."""

    def render(self, variables: Mapping[str, Any]) -> ContentT_co:
        """Put the values in."""
        ...


class Renderer(Protocol[ContentT_co]):
    """Renders deliveries of one channel."""

    async def render(self, message: DeliveryMessage) -> ContentT_co:
        """What to send.

        Raises:
            TemplateUnavailableError: The template cannot be had now.
            PermanentDeliveryError: It does not exist, or cannot take these variables.
        """
        ...


class TemplateRenderer(Generic[ContentT]):
    """Renders with versions from template-service.

    Args:
        template_service: Where versions are read.
        compile_version: Compiles a channel's content; None where the version has none.
        kept_versions: Compiled versions in memory; the least recently used goes first.
    """

    def __init__(
        self,
        template_service: ServiceClient,
        compile_version: Callable[[TemplateVersion], Compiled[ContentT] | None],
        *,
        kept_versions: int = KEPT_VERSIONS,
    ) -> None:
        self._template_service = template_service
        self._compile_version = compile_version
        self._kept_versions = kept_versions
        self._compiled: OrderedDict[VersionKey, Compiled[ContentT]] = OrderedDict()
        self._loading: SingleFlight[VersionKey, Compiled[ContentT]] = SingleFlight()

    async def render(self, message: DeliveryMessage) -> ContentT:
        """What to send."""
        key = (message.template_code, message.language, message.template_version)
        compiled = self._compiled.get(key)
        if compiled is None:
            compiled = await self._loading.run(key, lambda: self._load_and_keep(key))
        else:
            self._compiled.move_to_end(key)
        try:
            return compiled.render(message.variables)
        except TemplatingError as error:
            raise PermanentDeliveryError("render_failed", detail=str(error)) from error

    async def _load_and_keep(self, key: VersionKey) -> Compiled[ContentT]:
        compiled = await self._load(*key)
        self._compiled[key] = compiled
        if len(self._compiled) > self._kept_versions:
            self._compiled.popitem(last=False)
        return compiled

    async def _load(self, code: str, language: str, version: int) -> Compiled[ContentT]:
        try:
            body = await self._template_service.get(
                f"/api/v1/templates/{quote(code, safe='')}/versions/{version}",
                {"language": language},
            )
        except UnavailableError as error:
            raise TemplateUnavailableError(error.message) from error
        name = f"{code} {language} version {version}"
        if body is None:
            raise PermanentDeliveryError("template_missing", detail=f"There is no {name}.")
        try:
            compiled = self._compile_version(TemplateVersion.model_validate(body["data"]))
        except TemplatingError as error:
            raise PermanentDeliveryError("render_failed", detail=str(error)) from error
        if compiled is None:
            raise PermanentDeliveryError(
                "template_missing", detail=f"{name} has no content for this channel."
            )
        return compiled
