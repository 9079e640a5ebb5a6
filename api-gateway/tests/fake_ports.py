"""The smaller ports of the use cases in memory."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel

from api_gateway.usecases.ports import OutboxMessage
from contracts.error_codes import ErrorCode
from servicekit.bulk_directory import CopiesMissingError
from servicekit.errors import UnavailableError
from servicekit.versioned_cache import Cached

KeyT = TypeVar("KeyT")
ValueT = TypeVar("ValueT", bound=BaseModel)


class FakeDirectory(Generic[KeyT, ValueT]):
    """Users or templates; `error` is raised instead of an answer, `gate` holds answers back.

    `copies` serve many at once while the owner is away.
    """

    def __init__(self, known: Mapping[KeyT, ValueT]) -> None:
        self.known = dict(known)
        self.copies: dict[KeyT, ValueT] = {}
        self.error: Exception | None = None
        self.gate: asyncio.Event | None = None

    async def refresh(self, key: KeyT, cached: Cached[ValueT] | None) -> Cached[ValueT] | None:
        if cached is not None and not cached.is_stale:
            return cached
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            if isinstance(self.error, UnavailableError) and cached is not None:
                return cached
            raise self.error
        value = self.known.get(key)
        return None if value is None else Cached(value, is_stale=False)

    async def find_many(self, keys: Iterable[KeyT]) -> dict[KeyT, Cached[ValueT]]:
        wanted = list(keys)
        if isinstance(self.error, UnavailableError):
            missing = [key for key in wanted if key not in self.copies]
            if missing:
                raise CopiesMissingError(self.error, missing)
            return {key: Cached(self.copies[key], is_stale=True) for key in wanted}
        found = {key: await self.refresh(key, None) for key in wanted}
        return {key: copy for key, copy in found.items() if copy is not None}


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
