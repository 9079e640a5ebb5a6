from collections.abc import Mapping
from uuid import uuid4

import pytest
from fake_outbox import FakeOutbox
from fake_ports import FakeDepths, FakeMessagePublisher

from api_gateway.domain.turns import FEWEST
from api_gateway.usecases.ports import OutboxMessage
from api_gateway.usecases.relay_outbox import RelayOutbox, RelayRound
from servicekit.errors import UnavailableError

LANE, OTHER = "email.queue", "push.queue"


def rows(count: int, lane: str = LANE, first: int = 1) -> list[OutboxMessage]:
    numbers = range(first, first + count)
    return [OutboxMessage(n, lane, b"{}", uuid4(), f"c{n}") for n in numbers]


@pytest.fixture
def publisher() -> FakeMessagePublisher:
    return FakeMessagePublisher()


@pytest.fixture
def depths() -> FakeDepths:
    return FakeDepths()


async def test_publishes_and_forgets_what_waits_batch_by_batch(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    outbox = FakeOutbox(rows(FEWEST + 3))
    relay = RelayOutbox(outbox, publisher, depths)
    assert [await relay() for _ in range(3)] == [
        RelayRound(FEWEST, FEWEST, is_pressing=True),
        RelayRound(3, 3, is_pressing=False),
        RelayRound(0, 0, is_pressing=False),
    ]
    assert [message.id for message in publisher.published] == list(range(1, FEWEST + 4))
    assert not any(message.may_be_repeated for message in publisher.published)
    assert outbox.free == outbox.leased == {}


async def test_a_lane_that_is_full_is_left_alone_and_costs_no_other_anything(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    outbox = FakeOutbox([*rows(5), *rows(5, OTHER, first=6)])
    depths.ready = {LANE: FEWEST}
    assert (await RelayOutbox(outbox, publisher, depths)()).confirmed == 5
    assert {message.routing_key for message in publisher.published} == {OTHER}
    assert len(outbox.free) == 5


async def test_one_callers_flood_takes_no_more_than_its_turns(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    waiting = rows(100)
    callers = {row.id: "few" if row.id > 98 else "many" for row in waiting}
    await RelayOutbox(FakeOutbox(waiting, callers), publisher, depths)()
    assert [message.id for message in publisher.published] == [1, 99, 2, 100, 3, 4]


async def test_gives_back_exactly_what_the_broker_did_not_confirm(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    outbox = FakeOutbox(rows(4))
    publisher.refused = {2, 4}
    relay = RelayOutbox(outbox, publisher, depths)
    assert await relay() == RelayRound(4, 2, is_pressing=False)
    assert (set(outbox.free), outbox.leased) == ({2, 4}, {})
    publisher.refused = set()
    await relay()
    assert [message.may_be_repeated for message in publisher.published] == [False] * 2 + [True] * 2


async def test_while_the_broker_is_away_nothing_is_leased(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    outbox = FakeOutbox(rows(4))
    depths.error = UnavailableError("away")
    with pytest.raises(UnavailableError):
        await RelayOutbox(outbox, publisher, depths)()
    assert len(outbox.free) == 4


async def test_loses_no_row_when_the_database_goes_away_after_publishing(
    publisher: FakeMessagePublisher, depths: FakeDepths
) -> None:
    outbox = FakeOutbox(rows(2))
    leased = await outbox.lease({LANE: 2})

    class GoneAfterLeasing(FakeOutbox):
        async def lease(self, room: Mapping[str, int]) -> list[OutboxMessage]:
            self.error = UnavailableError("away")
            return leased

    gone = GoneAfterLeasing(rows(2))
    with pytest.raises(UnavailableError):
        await RelayOutbox(gone, publisher, depths)()
    assert set(gone.free) == {1, 2}
