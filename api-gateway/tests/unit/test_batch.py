from typing import Any
from uuid import uuid4

import pytest
from samples import NOW

from api_gateway.domain.batch import Batch, BatchProgress, item_key, repeatable_batch_id
from contracts.notification import NotificationStatus as Status


def progress(counts: dict[Status, int], rejected: int = 0, repeated: int = 0) -> BatchProgress:
    total = sum(counts.values()) + rejected + repeated
    return BatchProgress(Batch(uuid4(), "application:a", NOW, total, rejected), counts)


@pytest.mark.parametrize(
    ("counts", "more", "status"),
    [
        ({Status.PENDING: 1, Status.FAILED: 3}, {}, "processing"),
        ({Status.SCHEDULED: 1, Status.DELIVERED: 3}, {}, "processing"),
        ({Status.DELIVERED: 3}, {}, "completed"),
        ({Status.DELIVERED: 1, Status.SUPPRESSED: 1, Status.CANCELLED: 1}, {}, "completed"),
        ({Status.SUPPRESSED: 3}, {}, "completed"),
        ({Status.DELIVERED: 1, Status.FAILED: 1}, {}, "partially_failed"),
        ({Status.DELIVERED: 1, Status.BOUNCED: 1}, {}, "partially_failed"),
        ({Status.SUPPRESSED: 1, Status.UNKNOWN: 1}, {}, "partially_failed"),
        ({Status.DELIVERED: 1}, {"rejected": 1}, "partially_failed"),
        ({}, {"rejected": 1, "repeated": 1}, "partially_failed"),
        ({Status.FAILED: 1, Status.EXPIRED: 1}, {}, "failed"),
        ({Status.FAILED: 1}, {"rejected": 1}, "failed"),
        ({}, {"rejected": 2}, "failed"),
        ({}, {"repeated": 2}, "completed"),
    ],
)
def test_the_status_of_a_batch_is_that_of_its_notifications(
    counts: dict[Status, int], more: dict[str, Any], status: str
) -> None:
    assert progress(counts, **more).status == status


def test_what_was_stored_elsewhere_is_counted_as_repeated() -> None:
    assert progress({Status.DELIVERED: 2}, rejected=1, repeated=3).repeated == 3


def test_a_repeated_batch_is_the_same_batch() -> None:
    assert repeatable_batch_id("application:a", "k") == repeatable_batch_id("application:a", "k")
    assert repeatable_batch_id("application:a", "k") != repeatable_batch_id("application:b", "k")
    assert repeatable_batch_id("application:a", "k") != repeatable_batch_id("application:a", "l")


@pytest.mark.parametrize("length", [1, 251, 252, 255])
def test_an_item_is_named_within_what_an_id_may_be(length: int) -> None:
    names = {item_key("k" * length, number) for number in range(1_000)}
    assert len(names) == 1_000
    assert max(map(len, names)) <= 255
