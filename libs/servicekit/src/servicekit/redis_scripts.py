"""Runs Lua scripts on Redis many at a time: what is asked for at the same moment goes out as one.

A call of redis-py costs 0.09 ms of our processor, nearly all of it per round trip: borrowing a
connection, three deadlines, two system calls. While one batch is under way the next one gathers, so
nobody waits for company, and under load a round trip is shared by a dozen.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from servicekit.redis import SIGNS_OF_ABSENCE, RedisPause

Argument = str | int
LONGEST_BATCH: Final = 100


@dataclass(frozen=True, slots=True)
class Script:
    """A script and the digest that Redis knows it by."""

    text: str
    digest: str

    @classmethod
    def of(cls, text: str) -> "Script":
        """The script with this text."""
        return cls(text, sha1(text.encode(), usedforsecurity=False).hexdigest())


@dataclass(slots=True)
class _Call:
    script: Script
    keys: Sequence[str]
    arguments: Sequence[Argument]
    answer: "asyncio.Future[Any]"


class RedisScripts:
    """Scripts of one Redis; each call is atomic by itself, and a batch is not.

    Args:
        redis: Where they run.
        pause: Begun as soon as a batch finds Redis away, so that whoever waits behind it fails
            with it instead of after it. None: each batch tries anew.
    """

    def __init__(self, redis: "Redis", pause: RedisPause | None = None) -> None:
        self._redis = redis
        self._pause = pause
        self._waiting: deque[_Call] = deque()
        self._sending: asyncio.Task[None] | None = None

    async def run(
        self, script: Script, *, keys: Sequence[str], arguments: Sequence[Argument]
    ) -> Any:
        """Run a script and return its answer.

        Raises:
            RedisError | OSError | TimeoutError: It failed, or it is not known whether it ran.
            Exception: A defect, perhaps of another call that went out together with this one.
        """
        if self._pause is not None:
            self._pause.check()
        call = _Call(script, keys, arguments, asyncio.get_running_loop().create_future())
        self._waiting.append(call)
        if self._sending is None:
            self._sending = asyncio.create_task(self._send_all(), name="redis-scripts")
        return await call.answer

    async def _send_all(self) -> None:
        try:
            while self._waiting:
                size = min(len(self._waiting), LONGEST_BATCH)
                await self._send([self._waiting.popleft() for _ in range(size)])
        finally:
            self._sending = None

    async def _send(self, batch: list[_Call]) -> None:
        try:
            answers = await self._execute(batch)
            if unknown := [
                at for at, each in enumerate(answers) if isinstance(each, NoScriptError)
            ]:
                # Redis was restarted or flushed. What has run already is not run again.
                again = [batch[at] for at in unknown]
                for script in {call.script for call in again}:
                    await self._redis.script_load(script.text)
                for at, answer in zip(unknown, await self._execute(again), strict=True):
                    answers[at] = answer
        except Exception as error:  # told to each caller, also a defect
            answers = [error] * len(batch)
            if self._pause is not None and isinstance(error, SIGNS_OF_ABSENCE):
                self._pause.begin()
        except BaseException:
            # The process ends: nobody must wait for ever, be they sent already or not.
            for call in (*batch, *self._waiting):
                call.answer.cancel()
            self._waiting.clear()
            raise
        for call, answer in zip(batch, answers, strict=True):
            if call.answer.done():
                continue  # whoever asked has been cancelled
            if isinstance(answer, Exception):
                call.answer.set_exception(answer)
            else:
                call.answer.set_result(answer)

    async def _execute(self, batch: list[_Call]) -> list[Any]:
        if self._pause is not None:
            self._pause.check()
        async with self._redis.pipeline(transaction=False) as pipeline:
            for call in batch:
                pipeline.evalsha(call.script.digest, len(call.keys), *call.keys, *call.arguments)
            answers: list[Any] = await pipeline.execute(raise_on_error=False)
        return answers
