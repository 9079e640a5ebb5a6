"""Does what many ask for at the same moment once, for all of them."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Generic, TypeVar

KeyT = TypeVar("KeyT")
ResultT = TypeVar("ResultT")


class SingleFlight(Generic[KeyT, ResultT]):
    """Calls under way, by what they are for; whoever comes meanwhile waits for the same one.

    A call goes on when all who wait for it have gone, so it needs a deadline of its own.
    """

    def __init__(self) -> None:
        self._under_way: dict[KeyT, asyncio.Task[ResultT]] = {}

    def is_under_way(self, key: KeyT) -> bool:
        """Whether `run` would join a call that began earlier."""
        return key in self._under_way

    async def run(self, key: KeyT, call: Callable[[], Coroutine[Any, Any, ResultT]]) -> ResultT:
        """What the call for this key returns or raises, begun now unless one is under way."""
        task = self._under_way.get(key)
        if task is None:
            task = asyncio.create_task(call())
            self._under_way[key] = task
            task.add_done_callback(lambda ended: self._forget(key, ended))
        # Shielded: who gives up waiting must not take the others' answer away.
        return await asyncio.shield(task)

    def _forget(self, key: KeyT, ended: "asyncio.Task[ResultT]") -> None:
        del self._under_way[key]
        if not ended.cancelled():
            ended.exception()  # seen, where nobody waits any more
