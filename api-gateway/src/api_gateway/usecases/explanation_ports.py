"""What explaining needs of the outside world beside what accepting needs (`ports`)."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from servicekit.versioned_cache import Cached

KeyT_contra = TypeVar("KeyT_contra", contravariant=True)
ModelT = TypeVar("ModelT", bound=BaseModel)


class CopyDirectory(Protocol[KeyT_contra, ModelT]):
    """Finds users or templates, and says how much the answer is worth."""

    async def find_copy(self, key: KeyT_contra, /) -> Cached[ModelT] | None:
        """What has this key, or None if nothing has; a stale copy, while its owner is away.

        Raises:
            UnavailableError: It cannot be said now.
        """
        ...


class HeadlineRenderer(Protocol):
    """Renders published versions of templates, as a worker would."""

    async def render(
        self,
        template_code: str,
        version: int,
        language: str,
        notification_type: NotificationType,
        variables: Mapping[str, Any],
    ) -> RenderedHeadline:
        """The subject or title, or why the content cannot be rendered.

        Raises:
            UnavailableError: It cannot be said now.
        """
        ...
