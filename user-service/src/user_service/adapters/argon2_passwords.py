"""Passwords by Argon2id, in two threads of their own.

Hashing is slow and large on purpose; in the event loop it would stop every other request, and in an
unbounded pool a flood of sign-ins would take all memory.
"""

import asyncio
import secrets
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from passlib.context import CryptContext

from contracts.error_codes import ErrorCode
from servicekit.errors import UnavailableError

_THREADS: Final = 2
_MAX_WAITING: Final = 100  # at about 60 ms a hash and two threads, a wait of 3 s
# https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html#argon2id
_MEMORY_KIB: Final = 19 * 1024
_ITERATIONS: Final = 2
_PARALLELISM: Final = 1

ResultT = TypeVar("ResultT")


class Argon2Passwords:
    """The port `Passwords`; `close` ends its threads.

    Args:
        max_waiting: With more than so many hashes under way, further ones are refused.
    """

    def __init__(self, max_waiting: int = _MAX_WAITING) -> None:
        self._context = CryptContext(
            schemes=["argon2"],
            argon2__type="ID",
            argon2__memory_cost=_MEMORY_KIB,
            argon2__time_cost=_ITERATIONS,
            argon2__parallelism=_PARALLELISM,
        )
        self._max_waiting = max_waiting
        self._waiting = 0
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="argon2")
        self._nobodys_hash: str = self._context.hash(secrets.token_urlsafe())

    async def hash(self, password: str) -> str:
        """A salted hash of the password."""
        return await self._in_thread(lambda: str(self._context.hash(password)))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the hash is the password's; without a hash False, after as long a time."""
        is_right = await self._in_thread(
            lambda: bool(self._context.verify(password, hashed or self._nobodys_hash))
        )
        return is_right and hashed is not None

    def close(self) -> None:
        """End the threads; what is waiting is given up."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _in_thread(self, work: Callable[[], ResultT]) -> ResultT:
        if self._waiting >= self._max_waiting:
            msg = "Too many passwords are waiting to be checked."
            raise UnavailableError(msg, code=ErrorCode.OVERLOADED)
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting -= 1
