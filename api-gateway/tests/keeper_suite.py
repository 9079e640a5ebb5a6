"""How every `DeadLetterKeeper` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
import secrets
from typing import Any

import pytest
from samples import NOW, message_of, notification

from api_gateway.domain.failed_message import FailedMessage, NewDeadLetter, read_failed_message
from api_gateway.usecases.relay_ports import DeadLetterKeeper


def letter_of_nobody(**changes: Any) -> NewDeadLetter:
    """A letter of a delivery that is not stored."""
    one = notification()
    message = message_of(one, one.deliveries[0]).model_copy(update=changes)
    return read_failed_message(FailedMessage(message.model_dump_json().encode()), NOW)


def letter_of_bytes(body: bytes | None = None) -> NewDeadLetter:
    return read_failed_message(FailedMessage(body or secrets.token_bytes(16)), NOW)


class KeeperSuite:
    @pytest.fixture
    def keeper(self) -> DeadLetterKeeper:
        raise NotImplementedError

    async def test_keeps_deliveries_of_nobody_and_bytes_alike(
        self, keeper: DeadLetterKeeper
    ) -> None:
        assert await keeper.keep([letter_of_nobody(), letter_of_bytes(), letter_of_nobody()]) == 3

    async def test_keeps_one_letter_of_a_delivery_in_each_generation(
        self, keeper: DeadLetterKeeper
    ) -> None:
        first = letter_of_nobody()
        assert first.delivery_id is not None
        copy = letter_of_nobody(delivery_id=first.delivery_id, retry_count=3)
        replayed = letter_of_nobody(delivery_id=first.delivery_id, generation=1)
        assert await keeper.keep([first, copy, first]) == 1
        assert await keeper.keep([copy, replayed]) == 1
        assert await keeper.keep([first, replayed]) == 0

    async def test_keeps_the_same_bytes_once(self, keeper: DeadLetterKeeper) -> None:
        letter = letter_of_bytes()
        assert await keeper.keep([letter, letter_of_bytes(letter.body)]) == 1
        assert await keeper.keep([letter]) == 0

    async def test_the_same_letters_given_to_many_at_once_are_kept_once(
        self, keeper: DeadLetterKeeper
    ) -> None:
        letters = [*(letter_of_nobody() for _ in range(20)), letter_of_bytes()]
        orders = [letters[turn:] + letters[:turn] for turn in range(6)]
        async with asyncio.timeout(20):
            assert sum(await asyncio.gather(*(keeper.keep(one) for one in orders))) == 21

    async def test_keeps_nothing_of_nothing(self, keeper: DeadLetterKeeper) -> None:
        assert await keeper.keep([]) == 0
