import pytest
from fake_expired_keys import FakeExpiredKeys

from api_gateway.usecases.delete_expired_keys import BATCH, DeleteExpiredKeys


@pytest.mark.parametrize(
    ("count", "rounds"), [(0, 1), (1, 1), (BATCH, 2), (BATCH + 1, 2), (3 * BATCH - 1, 3)]
)
async def test_deletes_all_batch_by_batch(count: int, rounds: int) -> None:
    keys = FakeExpiredKeys(count)
    assert await DeleteExpiredKeys(keys)() == count
    assert (keys.count, keys.limits) == (0, [BATCH] * rounds)
