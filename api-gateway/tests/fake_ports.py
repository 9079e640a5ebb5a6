"""The smaller ports of the use cases in memory."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar
from uuid import UUID

from api_gateway.domain.notification import Notification
from api_gateway.usecases.ports import OutboxMessage
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from servicekit.errors import UnavailableError

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT")


@dataclass(frozen=True)
class FakeCopy(Generic[ValueT]):
    value: ValueT
    is_stale: bool


class FakeDirectory(Generic[KeyT, ValueT]):
    """Users or templates; `error` is raised instead of an answer, `gate` holds answers back.

    `is_stale`: its owner is away, and what it finds are old copies.
    """

    def __init__(self, known: Mapping[KeyT, ValueT]) -> None:
        self.known = dict(known)
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None
        self.is_stale = False

    async def find(self, key: KeyT) -> ValueT | None:
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            raise self.error
        return self.known.get(key)

    async def find_copy(self, key: KeyT) -> FakeCopy[ValueT] | None:
        value = await self.find(key)
        return None if value is None else FakeCopy(value, self.is_stale)


class FakePublisher:
    """Notes what is offered."""

    def __init__(self) -> None:
        self.offered: list[OutboxMessage] = []

    def offer(self, messages: Sequence[OutboxMessage]) -> None:
        self.offered.extend(messages)


class FakeAdmission:
    """Room for more, or not."""

    def __init__(self) -> None:
        self.is_full = False

    def check(self) -> None:
        if self.is_full:
            msg = "Too much waits."
            raise UnavailableError(msg, code=ErrorCode.OVERLOADED)


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


class FakeHistory:
    """The history of these notifications."""

    def __init__(self, *known: Notification) -> None:
        self._known = known

    async def find(self, notification_id: UUID) -> Notification | None:
        return next((one for one in self._known if one.id == notification_id), None)

    async def page(
        self, *, client_id: str | None, user_id: UUID | None, offset: int, limit: int
    ) -> tuple[list[Notification], int]:
        visible = [
            one
            for one in sorted(self._known, key=lambda one: one.id, reverse=True)
            if client_id in {None, one.client_id} and user_id in {None, one.user_id}
        ]
        return visible[offset : offset + limit], len(visible)


class FakeMessagePublisher:
    """A broker that confirms everything but `refused`; `error` is raised instead."""

    def __init__(self) -> None:
        self.published: list[OutboxMessage] = []
        self.refused: set[int] = set()
        self.error: Exception | None = None

    async def publish(self, messages: Sequence[OutboxMessage]) -> set[int]:
        if self.error is not None:
            raise self.error
        taken = [message for message in messages if message.id not in self.refused]
        self.published.extend(taken)
        return {message.id for message in taken}
