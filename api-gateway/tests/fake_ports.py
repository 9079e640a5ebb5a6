"""The smaller ports of the use cases in memory."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from pydantic import BaseModel

from api_gateway.usecases.ports import OutboxMessage
from contracts.category import BUILT_IN, CategoryCatalogue
from contracts.error_codes import ErrorCode
from servicekit.bulk_directory import CopiesMissingError
from servicekit.errors import RateLimitedError, UnavailableError
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


class FakeCategories:
    """A catalogue that tests replace."""

    def __init__(self) -> None:
        self.catalogue = BUILT_IN

    async def current(self) -> CategoryCatalogue:
        return self.catalogue


class FakePublisher:
    """Notes what is offered."""

    def __init__(self) -> None:
        self.offered: list[OutboxMessage] = []
        self.turns: list[tuple[str, str]] = []
        self.is_crowded = False

    def goes_at_once(self, client_id: str, lane: str) -> bool:
        self.turns.append((client_id, lane))
        return not self.is_crowded

    def offer(self, messages: Sequence[OutboxMessage]) -> None:
        self.offered.extend(messages)


class AlwaysAtOnce:
    """Nobody waits for a turn."""

    def goes_at_once(self, client_id: str, lane: str) -> bool:
        return True


class FakeDepths:
    """A broker's lanes, empty unless `ready` says otherwise; `error` is raised instead."""

    def __init__(self) -> None:
        self.ready: dict[str, int] = {}
        self.error: Exception | None = None

    async def ready_counts(self, queues: Sequence[str]) -> dict[str, int]:
        if self.error is not None:
            raise self.error
        return {queue: self.ready.get(queue, 0) for queue in queues}


class FakeAdmission:
    """Room for more, or not."""

    def __init__(self) -> None:
        self.is_full = False
        self.over_bound: set[str] = set()

    def check(self, client_id: str) -> None:
        if client_id in self.over_bound:
            msg = "Too many of yours wait."
            raise RateLimitedError(msg, code=ErrorCode.TOO_MANY_WAITING, retry_after=30)
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
