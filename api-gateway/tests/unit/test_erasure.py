import pytest
from samples import delivery, message_of, notification, outcome

from api_gateway.domain.erasure import Erasure, erased_body, erasure_of
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus as Status

ENDS = [
    *(Status.DELIVERED, Status.BOUNCED, Status.EXPIRED),
    *(Status.UNKNOWN, Status.SUPPRESSED, Status.CANCELLED),
]


@pytest.mark.parametrize("status", ENDS)
def test_what_has_ended_for_good_is_erased_at_once(status: Status) -> None:
    assert erasure_of([status]) is Erasure.NOW
    assert erasure_of([status, *ENDS]) is Erasure.NOW


@pytest.mark.parametrize("others", [[], ENDS])
def test_what_failed_may_still_be_replayed(others: list[Status]) -> None:
    assert erasure_of([*others, Status.FAILED]) is Erasure.LATER


@pytest.mark.parametrize("status", [Status.PENDING, Status.SCHEDULED])
@pytest.mark.parametrize("others", [[], ENDS, [Status.FAILED]])
def test_what_is_on_its_way_to_one_device_keeps_its_variables(
    status: Status, others: list[Status]
) -> None:
    assert erasure_of([*others, status]) is Erasure.NOT_YET


def test_every_state_is_known_here() -> None:
    assert {*ENDS, Status.FAILED, Status.PENDING, Status.SCHEDULED} == set(Status)


def test_a_message_keeps_all_but_its_variables() -> None:
    one = notification(variables={"name": "canary"})
    message = message_of(one, one.deliveries[0])
    left = erased_body(message.model_dump_json().encode())
    assert b"canary" not in left
    assert DeliveryMessage.model_validate_json(left) == message.model_copy(update={"variables": {}})
    assert erased_body(left) == left


def test_an_outcome_has_no_variables() -> None:
    body = outcome(delivery_id=delivery().id).model_dump_json().encode()
    assert erased_body(body) == body


@pytest.mark.parametrize("body", [b"", b"\xff canary", b'{"variables": {"name": "canary"}}'])
def test_of_what_cannot_be_read_nothing_is_kept(body: bytes) -> None:
    assert erased_body(body) == b""
