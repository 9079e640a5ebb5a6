import pytest

from api_gateway.usecases.reconcile_deliveries import (
    BATCH,
    BATCHES_PER_ROUND,
    ReconcileDeliveries,
)


class Silent:
    """So many silent deliveries."""

    def __init__(self, count: int) -> None:
        self.count = count
        self.limits: list[int] = []

    async def publish_again(self, limit: int) -> int:
        self.limits.append(limit)
        published = min(limit, self.count)
        self.count -= published
        return published


@pytest.mark.parametrize("count", [0, 1, BATCH - 1, BATCH, 2 * BATCH + 5])
async def test_publishes_all_that_is_silent_batch_by_batch(count: int) -> None:
    silent = Silent(count)
    assert await ReconcileDeliveries(silent)() == count
    assert silent.count == 0
    assert set(silent.limits) == {BATCH}


async def test_leaves_to_the_next_round_what_is_too_much_for_one() -> None:
    silent = Silent(100_000)
    assert await ReconcileDeliveries(silent)() == BATCH * BATCHES_PER_ROUND
    assert len(silent.limits) == BATCHES_PER_ROUND
