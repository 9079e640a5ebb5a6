"""The ports of explaining in memory."""

from collections.abc import Mapping
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from servicekit.errors import UnavailableError
from servicekit.versioned_cache import Cached

KeyT = TypeVar("KeyT")
ModelT = TypeVar("ModelT", bound=BaseModel)


class FakeCopies(Generic[KeyT, ModelT]):
    """Users or templates; `is_away`: their owner is, and what is known are old copies."""

    def __init__(self, known: Mapping[KeyT, ModelT]) -> None:
        self.known = dict(known)
        self.is_away = False

    async def find_copy(self, key: KeyT, /) -> Cached[ModelT] | None:
        value = self.known.get(key)
        if value is not None:
            return Cached(value, self.is_away)
        if self.is_away:
            msg = "The owner does not answer."
            raise UnavailableError(msg)
        return None


class FakeHeadlineRenderer:
    """Has these versions rendered; the others, and all while it `is_away`, cannot be rendered."""

    def __init__(self) -> None:
        self.rendered: dict[tuple[str, int, str, NotificationType], RenderedHeadline] = {}
        self.asked: list[Mapping[str, Any]] = []
        self.is_away = False

    async def render(
        self,
        template_code: str,
        version: int,
        language: str,
        notification_type: NotificationType,
        variables: Mapping[str, Any],
    ) -> RenderedHeadline:
        self.asked.append(variables)
        rendered = self.rendered.get((template_code, version, language, notification_type))
        if self.is_away or rendered is None:
            msg = "template-service does not answer."
            raise UnavailableError(msg)
        return rendered
