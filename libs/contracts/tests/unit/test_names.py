import pytest

from contracts.names import (
    LANES,
    PRIORITY_LANE_FROM,
    QUEUES,
    RETRY_QUEUES,
    RETRY_TIERS,
    lane_for,
    retry_queue,
)
from contracts.notification import NotificationType


@pytest.mark.parametrize("kind", NotificationType)
@pytest.mark.parametrize("priority", range(11))
def test_the_upper_half_of_priorities_takes_the_priority_lane(
    kind: NotificationType, priority: int
) -> None:
    lane = lane_for(kind, priority)
    assert lane in LANES
    assert lane.startswith(kind.value)
    assert (".priority." in lane) == (priority >= PRIORITY_LANE_FROM)


def test_retry_tiers_ascend_and_each_has_its_queue() -> None:
    assert list(RETRY_TIERS) == sorted(set(RETRY_TIERS))
    assert tuple(retry_queue(tier) for tier in RETRY_TIERS) == RETRY_QUEUES


def test_no_queue_is_named_twice() -> None:
    assert len(QUEUES) == len(set(QUEUES))
