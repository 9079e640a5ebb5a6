"""What explaining needs of the outside world beside what accepting needs (`ports`)."""

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline

KeyT_contra = TypeVar("KeyT_contra", contravariant=True)
ValueT_co = TypeVar("ValueT_co", covariant=True)


class Copy(Protocol[ValueT_co]):
    """What was found; a stale copy is all there is while its owner is away."""

    @property
    def value(self) -> ValueT_co:
        """What it is a copy of."""
        ...

    @property
    def is_stale(self) -> bool:
        """Whether it may have changed since."""
        ...


class CopyDirectory(Protocol[KeyT_contra, ValueT_co]):
    """Finds users or templates, and says how much the answer is worth."""

    async def find_copy(self, key: KeyT_contra, /) -> Copy[ValueT_co] | None:
        """What has this key, or None if nothing has.

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
