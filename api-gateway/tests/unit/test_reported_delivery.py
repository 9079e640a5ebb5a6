from uuid import UUID, uuid4

import pytest

from api_gateway.domain.reported_delivery import (
    KnownDelivery,
    KnownNotification,
    MisdirectedReportError,
    UnknownDeliveryError,
    reported_delivery,
)
from contracts.notification import NotificationType

A, B = KnownDelivery(UUID(int=1), 0), KnownDelivery(UUID(int=2), 3)
EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH


def known(*deliveries: KnownDelivery) -> KnownNotification:
    return KnownNotification(uuid4(), PUSH, "corr-1", deliveries)


def chosen(
    *deliveries: KnownDelivery,
    delivery_id: UUID | None = None,
    generation: int | None = None,
    channel: NotificationType = PUSH,
) -> KnownDelivery:
    return reported_delivery(
        known(*deliveries), channel=channel, delivery_id=delivery_id, generation=generation
    )


def test_without_a_name_it_is_the_only_delivery_in_its_present_generation() -> None:
    assert chosen(B) == B


def test_a_named_delivery_is_found_among_several() -> None:
    assert chosen(A, B, delivery_id=B.id) == B


def test_an_earlier_generation_may_be_named() -> None:
    assert chosen(B, generation=1) == KnownDelivery(B.id, 1)
    assert chosen(B, generation=3) == B


@pytest.mark.parametrize("deliveries", [(), (A, B)])
def test_without_a_name_none_and_several_are_too_few_and_too_many(
    deliveries: tuple[KnownDelivery, ...],
) -> None:
    with pytest.raises(MisdirectedReportError, match=f"has {len(deliveries)} deliveries") as caught:
        chosen(*deliveries)
    assert caught.value.field == "delivery_id"


@pytest.mark.parametrize("deliveries", [(), (A,), (A, B)])
def test_a_delivery_of_another_notification_is_not_known(
    deliveries: tuple[KnownDelivery, ...],
) -> None:
    with pytest.raises(UnknownDeliveryError):
        chosen(*deliveries, delivery_id=UUID(int=9))


def test_another_channel_s_notification_is_refused_whatever_else_is_right() -> None:
    with pytest.raises(MisdirectedReportError, match="goes by push, not by email") as caught:
        chosen(A, delivery_id=A.id, channel=EMAIL)
    assert caught.value.field == "notification_id"


def test_a_generation_that_has_not_begun_cannot_have_had_an_outcome() -> None:
    with pytest.raises(MisdirectedReportError, match="in generation 3") as caught:
        chosen(B, generation=4)
    assert caught.value.field == "generation"
