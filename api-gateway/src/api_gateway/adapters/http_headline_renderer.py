"""Has template-service render, so that no template runs in the process that accepts."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from servicekit.errors import UnavailableError
from servicekit.service_client import ServiceClient


class HttpHeadlineRenderer:
    """Implements `usecases.explanation_ports.HeadlineRenderer`."""

    def __init__(self, template_service: ServiceClient) -> None:
        self._template_service = template_service

    async def render(
        self,
        template_code: str,
        version: int,
        language: str,
        notification_type: NotificationType,
        variables: Mapping[str, Any],
    ) -> RenderedHeadline:
        """The subject or title, or why the content cannot be rendered."""
        body = await self._template_service.ask(
            f"/api/v1/templates/{quote(template_code, safe='')}/versions/{version}/render",
            {
                "language": language,
                "notification_type": notification_type.value,
                "variables": dict(variables),
            },
        )
        if body is None:
            # A copy is newer than what this replica sees, or an older release has no such route.
            msg = f"template-service does not know version {version} of {template_code}."
            raise UnavailableError(msg)
        try:
            return RenderedHeadline.model_validate(body["data"])
        except (ValueError, KeyError) as error:
            msg = "template-service answered something else than a rendering."
            raise UnavailableError(msg) from error
