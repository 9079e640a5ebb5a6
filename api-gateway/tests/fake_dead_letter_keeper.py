"""Kept dead letters in memory; `KeeperSuite` shows that they are told apart as PostgreSQL does."""

from collections.abc import Sequence

from api_gateway.domain.failed_message import NewDeadLetter
from api_gateway.usecases.relay_ports import UnstorableLettersError

Key = tuple[object, ...]


class FakeDeadLetterKeeper:
    """`errors`: raised by the next calls, one each; `refused`: bodies that can never be stored,
    as what they are or, where they are in `refused_whole`, in any form."""

    def __init__(self) -> None:
        self.kept: dict[Key, NewDeadLetter] = {}
        self.errors: list[Exception] = []
        self.refused: set[bytes] = set()
        self.refused_whole: set[bytes] = set()
        self.calls = 0

    async def keep(self, letters: Sequence[NewDeadLetter]) -> int:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        if any(self._is_refused(letter) for letter in letters):
            msg = "refused"
            raise UnstorableLettersError(msg)
        before = len(self.kept)
        for letter in letters:
            self.kept.setdefault(_key(letter), letter)
        return len(self.kept) - before

    def _is_refused(self, letter: NewDeadLetter) -> bool:
        if letter.body in self.refused_whole:
            return True
        return letter.body in self.refused and letter != letter.as_bytes_alone()


def _key(letter: NewDeadLetter) -> Key:
    if letter.delivery_id is None:
        return (letter.digest,)
    return (letter.delivery_id, letter.generation)
