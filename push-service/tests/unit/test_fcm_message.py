import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from push_deliveries import DELIVERY_ID, NOON, a_push

from delivery.errors import PermanentDeliveryError
from push_service.adapters.fcm_message import compose_fcm_message


def compose(**changes: Any) -> dict[str, Any]:
    document = json.loads(compose_fcm_message(a_push(**changes), NOON))
    assert list(document) == ["message"]
    message: dict[str, Any] = document["message"]
    return message


def test_carries_what_the_device_shows_and_what_the_app_needs() -> None:
    message = compose(image="https://img.test/a.png", link="https://shop.test/1", data={"k": "v"})
    assert message["token"] == "device-token"
    assert message["notification"] == {
        "title": "Hello",
        "body": "World",
        "image": "https://img.test/a.png",
    }
    assert message["data"] == {
        "k": "v",
        "link": "https://shop.test/1",
        "notification_id": "ntf_1",
        "delivery_id": str(DELIVERY_ID),
    }
    assert message["webpush"]["fcmOptions"] == {"link": "https://shop.test/1"}


def test_without_image_and_link_there_are_no_such_fields() -> None:
    message = compose()
    assert message["notification"] == {"title": "Hello", "body": "World"}
    assert "link" not in message["data"]
    assert "fcmOptions" not in message["webpush"]


def test_a_link_that_is_not_https_is_only_for_the_app() -> None:
    message = compose(link="shop://order/1")
    assert message["data"]["link"] == "shop://order/1"
    assert "fcmOptions" not in message["webpush"]


def test_a_later_copy_replaces_an_earlier_one_on_every_platform() -> None:
    message = compose()
    assert message["android"]["notification"]["tag"] == "ntf_1"
    assert message["apns"]["headers"]["apns-collapse-id"] == "ntf_1"
    assert message["webpush"]["notification"]["tag"] == "ntf_1"
    assert "collapseKey" not in message["android"]


def test_a_long_notification_id_is_shortened_to_what_apns_takes() -> None:
    first = compose(notification_id="n" * 65)["apns"]["headers"]["apns-collapse-id"]
    second = compose(notification_id="n" * 66)["apns"]["headers"]["apns-collapse-id"]
    assert len(first) == 64
    assert first != second


@pytest.mark.parametrize(
    ("priority", "android", "apns", "web"),
    [(4, "NORMAL", "5", "normal"), (5, "HIGH", "10", "high"), (10, "HIGH", "10", "high")],
)
def test_urgent_messages_may_wake_the_device(
    priority: int, android: str, apns: str, web: str
) -> None:
    message = compose(priority=priority)
    assert message["android"]["priority"] == android
    assert message["apns"]["headers"]["apns-priority"] == apns
    assert message["webpush"]["headers"]["Urgency"] == web


@pytest.mark.parametrize(
    ("seconds", "ttl", "web_ttl"),
    [
        (3.5, "3.5s", "3"),
        (100.0, "100s", "100"),
        (0.0, "0s", "0"),
        (-5.0, "0s", "0"),
        (90 * 86400.0, "2419200s", "2419200"),
    ],
)
def test_fcm_keeps_it_no_longer_than_it_is_worth(seconds: float, ttl: str, web_ttl: str) -> None:
    expires_at = NOON + timedelta(seconds=seconds)
    message = compose(expires_at=expires_at)
    assert message["android"]["ttl"] == ttl
    assert message["webpush"]["headers"]["TTL"] == web_ttl
    assert message["apns"]["headers"]["apns-expiration"] == str(int(expires_at.timestamp()))


def test_without_an_end_the_platforms_own_limits_hold() -> None:
    message = compose()
    assert "ttl" not in message["android"]
    assert "apns-expiration" not in message["apns"]["headers"]


def test_exactly_4096_bytes_are_taken_and_one_more_is_refused() -> None:
    empty = compose(body="")
    pairs = [*empty["notification"].items(), *empty["data"].items()]
    room = 4096 - sum(len(key) + len(value) for key, value in pairs)
    assert compose(body="é" * (room // 2) + "x" * (room % 2))
    with pytest.raises(PermanentDeliveryError, match=r"payload_too_large: .* 4097 bytes"):
        compose(body="x" * (room + 1))


@pytest.mark.parametrize("key", ["from", "message_type", "google.x", "gcm.y"])
def test_a_data_key_that_fcm_reserves_is_named(key: str) -> None:
    with pytest.raises(PermanentDeliveryError, match=f"data key '{key}'"):
        compose(data={key: "x"})


def test_a_template_cannot_change_the_ids() -> None:
    data = compose(data={"delivery_id": "mine", "notification_id": "mine"})["data"]
    assert data == {"delivery_id": str(DELIVERY_ID), "notification_id": "ntf_1"}


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(PermanentDeliveryError, match="content_not_encodable"):
        compose(title="\ud800")


@given(st.text(max_size=200), st.text(max_size=200))
def test_texts_arrive_as_they_are(title: str, body: str) -> None:
    assert compose(title=title, body=body)["notification"] == {"title": title, "body": body}
