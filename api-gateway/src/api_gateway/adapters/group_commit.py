"""Concurrent requests share a commit: what comes while one group is stored is the next group.

A commit costs the same for one row as for fifty, and most of what a statement costs us does not
depend on its rows. Nobody waits for company: a request that finds nothing under way is stored at
once, and under load a group gathers by itself in the milliseconds of the one before.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from sqlalchemy.exc import DBAPIError

from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import NewNotification, Stored, StoredRequest
from servicekit.database import DatabaseUnavailableError
from servicekit.logs import get_logger

_log = get_logger(__name__)

LONGEST_GROUP: Final = 200
STORE_SECONDS: Final = 2.4
"""A caller is told that the database is away while their own patience lasts."""

Result = Stored | StoredRequest


class Store(Protocol):
    """Where groups are stored: `PostgresNotificationStore`."""

    async def store_all(self, items: Sequence[NewNotification]) -> list[Result]:
        """Store all of them in one transaction."""
        ...

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """What was stored under a key."""
        ...


@dataclass(eq=False)
class _Waiting:
    item: NewNotification
    result: "asyncio.Future[Result]"


class GroupCommit:
    """Implements `usecases.ports.NotificationStore`.

    Args:
        store: Where groups are stored.
        store_seconds: After which a caller is told that it could not be stored. It may have been,
            as with any answer that is lost: their key says so when they repeat it.
    """

    def __init__(self, store: Store, *, store_seconds: float = STORE_SECONDS) -> None:
        self._store = store
        self._store_seconds = store_seconds
        self._waiting: deque[_Waiting] = deque()
        self._storing: asyncio.Task[None] | None = None

    async def store(self, new: NewNotification) -> Result:
        """Store it together with whatever else is there by then.

        Raises:
            DatabaseUnavailableError: It was not stored, as far as can be known.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(new, loop.create_future())
        self._waiting.append(waiting)
        if self._storing is None:
            self._storing = asyncio.create_task(self._store_all(), name="group-commit")
        deadline = loop.call_later(self._store_seconds, _give_up, waiting)
        try:
            return await waiting.result
        finally:
            deadline.cancel()

    async def find_request(self, key: IdempotencyKey) -> StoredRequest | None:
        """What was stored under this key, if it has not expired."""
        return await self._store.find_request(key)

    async def _store_all(self) -> None:
        try:
            while group := self._next_group():
                await self._store_group(group)
        finally:
            self._storing = None
            for left in self._waiting:  # only where this task is ended from outside
                left.result.cancel()
            self._waiting.clear()

    def _next_group(self) -> list[_Waiting]:
        """The next ones, each key once: one that comes again waits for what the first finds."""
        group: list[_Waiting] = []
        keys: set[IdempotencyKey] = set()
        again: list[_Waiting] = []
        while self._waiting and len(group) < LONGEST_GROUP:
            waiting = self._waiting.popleft()
            key = waiting.item.key
            if waiting.result.done():
                continue  # nobody waits for it any more
            if key is not None and key in keys:
                again.append(waiting)
                continue
            if key is not None:
                keys.add(key)
            group.append(waiting)
        self._waiting.extendleft(reversed(again))
        return group

    async def _store_group(self, group: Sequence[_Waiting]) -> None:
        try:
            results = await self._store.store_all([waiting.item for waiting in group])
        except DBAPIError as error:
            if len(group) == 1:
                _tell(group[0], error)
                return
            # A value that PostgreSQL refuses spoils the group; only whose it is must suffer.
            _log.warning("store.group_refused", count=len(group), error=type(error.orig).__name__)
            await self._store_one_by_one(group)
        except Exception as error:  # told to each caller, also a defect
            for waiting in group:
                _tell(waiting, error)
        except BaseException:
            for waiting in group:
                waiting.result.cancel()
            raise
        else:
            for waiting, result in zip(group, results, strict=True):
                if not waiting.result.done():
                    waiting.result.set_result(result)

    async def _store_one_by_one(self, group: Sequence[_Waiting]) -> None:
        away: DatabaseUnavailableError | None = None
        for waiting in group:
            if waiting.result.done():
                continue  # whoever gave up meanwhile was told that it was not stored
            if away is not None:
                _tell(waiting, away)  # or each would wait for itself, and all who come after
                continue
            await self._store_group([waiting])
            error = None if waiting.result.cancelled() else waiting.result.exception()
            away = error if isinstance(error, DatabaseUnavailableError) else None


def _give_up(waiting: _Waiting) -> None:
    _tell(waiting, DatabaseUnavailableError("The database does not answer; send it again."))


def _tell(waiting: _Waiting, error: Exception) -> None:
    if not waiting.result.done():
        waiting.result.set_exception(error)
