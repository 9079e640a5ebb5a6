"""Keep what lay in `failed.queue`: as what it is, where that can be stored, else as bytes.

Nothing is thrown away, and nothing that cannot be stored keeps the rest from it.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Final

from api_gateway.domain.failed_message import FailedMessage, NewDeadLetter, read_failed_message
from api_gateway.usecases.persistence import Persistence, Sleep
from api_gateway.usecases.relay_ports import DeadLetterKeeper, UnstorableLettersError
from servicekit.logs import get_logger

_log = get_logger(__name__)

_CHUNK_BYTES: Final = 4_000_000


class KeepDeadLetters:
    """Keeps batches of dead letters.

    Args:
        keeper: Where they are kept.
        now: The time, in UTC.
        sleep: Waits, in seconds, before a batch is tried again.
    """

    def __init__(
        self,
        keeper: DeadLetterKeeper,
        *,
        now: Callable[[], datetime],
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._keeper = keeper
        self._now = now
        self._until_stored = Persistence(
            "dead_letters.not_kept", hopeless=UnstorableLettersError, sleep=sleep
        )

    @property
    def trouble(self) -> str | None:
        """Why the present batch could not be kept so far; None: nothing is wrong."""
        return self._until_stored.trouble

    async def __call__(self, messages: Sequence[FailedMessage]) -> list[bool]:
        """Keep messages; returns when each of them is kept, or refused as mere bytes even.

        Returns:
            For each message, in order: whether it is kept, so that the queue may forget it.
        """
        now = self._now()
        letters = [read_failed_message(message, now) for message in messages]
        return [kept for chunk in _chunks(letters) for kept in await self._keep(chunk)]

    async def _keep(self, letters: Sequence[NewDeadLetter]) -> list[bool]:
        if await self._are_kept(letters):
            return [True] * len(letters)
        if len(letters) > 1:
            middle = len(letters) // 2
            return [*await self._keep(letters[:middle]), *await self._keep(letters[middle:])]
        [letter] = letters
        if await self._are_kept([letter.as_bytes_alone()]):
            return [True]
        _log.error("dead_letter.unstorable", digest=letter.digest, bytes=len(letter.body))
        return [False]

    async def _are_kept(self, letters: Sequence[NewDeadLetter]) -> bool:
        try:
            new = await self._until_stored(lambda: self._keeper.keep(letters), count=len(letters))
        except UnstorableLettersError as error:
            _log.warning("dead_letters.refused", count=len(letters), error=str(error))
            return False
        _log.info("dead_letters.kept", count=len(letters), new=new)
        return True


def _chunks(letters: Sequence[NewDeadLetter]) -> Iterator[list[NewDeadLetter]]:
    """Parts that one statement stores in time; a larger letter is a part of its own."""
    chunk: list[NewDeadLetter] = []
    size = 0
    for letter in letters:
        if chunk and size + len(letter.body) > _CHUNK_BYTES:
            yield chunk
            chunk, size = [], 0
        chunk.append(letter)
        size += len(letter.body)
    if chunk:
        yield chunk
