import pytest
from fake_dead_letter_keeper import FakeDeadLetterKeeper
from keeper_suite import letter_of_nobody
from samples import NOW
from structlog.testing import capture_logs

from api_gateway.domain.failed_message import FailedMessage
from api_gateway.usecases.keep_dead_letters import KeepDeadLetters
from servicekit.errors import UnavailableError


@pytest.fixture
def keeper() -> FakeDeadLetterKeeper:
    return FakeDeadLetterKeeper()


def messages(count: int) -> list[FailedMessage]:
    return [FailedMessage(letter_of_nobody().body) for _ in range(count)]


async def test_keeps_a_batch_at_once(keeper: FakeDeadLetterKeeper) -> None:
    batch = messages(5)
    assert await KeepDeadLetters(keeper, now=lambda: NOW)(batch) == [True] * 5
    assert {letter.body for letter in keeper.kept.values()} == {one.body for one in batch}
    assert keeper.calls == 1


async def test_keeps_nothing_of_nothing(keeper: FakeDeadLetterKeeper) -> None:
    assert await KeepDeadLetters(keeper, now=lambda: NOW)([]) == []
    assert keeper.calls == 0


async def test_what_is_refused_as_what_it_is_is_kept_as_bytes_beside_the_others(
    keeper: FakeDeadLetterKeeper,
) -> None:
    batch = messages(64)
    keeper.refused = {batch[40].body}
    assert await KeepDeadLetters(keeper, now=lambda: NOW)(batch) == [True] * 64
    assert {letter.body for letter in keeper.kept.values()} == {one.body for one in batch}
    [alone] = [letter for letter in keeper.kept.values() if letter.delivery_id is None]
    assert (alone.body, alone.reason) == (batch[40].body, "unstorable")
    assert keeper.calls <= 14  # found by halving


async def test_only_what_is_refused_even_as_bytes_stays_in_the_queue(
    keeper: FakeDeadLetterKeeper,
) -> None:
    batch = messages(3)
    keeper.refused_whole = {batch[1].body}
    with capture_logs() as lines:
        assert await KeepDeadLetters(keeper, now=lambda: NOW)(batch) == [True, False, True]
    assert len(keeper.kept) == 2
    assert [line["event"] for line in lines if line["log_level"] == "error"] == [
        "dead_letter.unstorable"
    ]


@pytest.mark.parametrize(
    ("error", "told"),
    [(UnavailableError("PostgreSQL is away"), "PostgreSQL is away"), (ValueError(), "ValueError")],
)
async def test_tries_again_for_as_long_as_it_takes_and_says_why(
    keeper: FakeDeadLetterKeeper, error: Exception, told: str
) -> None:
    troubles: list[str | None] = []

    async def pause(_: float) -> None:
        troubles.append(keep.trouble)

    keeper.errors = [error, error]
    keep = KeepDeadLetters(keeper, now=lambda: NOW, sleep=pause)
    assert await keep(messages(2)) == [True, True]
    assert (troubles, keep.trouble, len(keeper.kept)) == ([told, told], None, 2)


async def test_large_letters_are_kept_few_at_a_time(keeper: FakeDeadLetterKeeper) -> None:
    batch = [FailedMessage(bytes([number]) * 1_500_000) for number in range(5)]
    huge = FailedMessage(b"h" * 9_000_000)
    keep = KeepDeadLetters(keeper, now=lambda: NOW)
    assert await keep([*batch, huge]) == [True] * 6
    assert keeper.calls == 4
    assert {letter.body for letter in keeper.kept.values()} == {one.body for one in [*batch, huge]}
