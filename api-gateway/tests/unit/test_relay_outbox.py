from uuid import uuid4

import pytest
from fake_outbox import FakeOutbox
from fake_ports import FakeMessagePublisher

from api_gateway.usecases.ports import OutboxMessage
from api_gateway.usecases.relay_outbox import BATCH, RelayOutbox
from servicekit.errors import UnavailableError


def rows(count: int) -> list[OutboxMessage]:
    return [OutboxMessage(n, "email.queue", b"{}", uuid4(), f"c{n}") for n in range(1, count + 1)]


@pytest.fixture
def publisher() -> FakeMessagePublisher:
    return FakeMessagePublisher()


async def test_publishes_and_forgets_what_waits_batch_by_batch(
    publisher: FakeMessagePublisher,
) -> None:
    outbox = FakeOutbox(rows(BATCH + 1))
    relay = RelayOutbox(outbox, publisher)
    assert [await relay(), await relay(), await relay()] == [(BATCH, BATCH), (1, 1), (0, 0)]
    assert [message.id for message in publisher.published] == list(range(1, BATCH + 2))
    assert all(message.may_be_repeated for message in publisher.published)
    assert outbox.free == outbox.leased == {}


async def test_gives_back_exactly_what_the_broker_did_not_confirm(
    publisher: FakeMessagePublisher,
) -> None:
    outbox = FakeOutbox(rows(4))
    publisher.refused = {2, 4}
    assert await RelayOutbox(outbox, publisher)() == (4, 2)
    assert (set(outbox.free), outbox.leased) == ({2, 4}, {})


async def test_loses_no_row_when_the_database_goes_away_after_publishing(
    publisher: FakeMessagePublisher,
) -> None:
    outbox = FakeOutbox(rows(2))
    leased = await outbox.lease(2)

    class GoneAfterLeasing(FakeOutbox):
        async def lease(self, limit: int) -> list[OutboxMessage]:
            self.error = UnavailableError("away")
            return leased

    gone = GoneAfterLeasing(rows(2))
    with pytest.raises(UnavailableError):
        await RelayOutbox(gone, publisher)()
    assert set(gone.free) == {1, 2}
