"""The validator of discovery schemas, and FCM's own rules on top of it."""

import json
from typing import Any

import pytest

from devstack.sandbox.push.fcm_message import FcmReader
from devstack.sandbox.push.google_error import GoogleError


def refusal(message: dict[str, Any], **request: Any) -> GoogleError:
    body = json.dumps({"message": message, **request}).encode()
    with pytest.raises(GoogleError) as caught:
        FcmReader().read(body)
    return caught.value


def violations(error: GoogleError) -> list[tuple[str | None, str]]:
    (detail,) = error.details
    assert detail["@type"] == "type.googleapis.com/google.rpc.BadRequest"
    return [(v.get("field"), v["description"]) for v in detail["fieldViolations"]]


def test_reads_a_message_with_everything_that_the_push_service_sends() -> None:
    message = FcmReader().read(
        json.dumps(
            {
                "message": {
                    "token": "abc",
                    "notification": {"title": "Hi", "body": "there"},
                    "data": {"delivery_id": "d1"},
                    "android": {"ttl": "3.5s", "priority": "HIGH", "collapseKey": "k"},
                    "apns": {
                        "headers": {"apns-collapse-id": "k"},
                        "payload": {"aps": {"badge": 1}},
                    },
                    "webpush": {
                        "headers": {"TTL": "60"},
                        "fcm_options": {"link": "https://x.test"},
                    },
                }
            }
        ).encode()
    )
    assert (message.target_kind, message.target) == ("token", "abc")
    assert (message.title, message.body, message.data) == ("Hi", "there", {"delivery_id": "d1"})
    assert message.validate_only is False


def test_takes_both_spellings_of_a_name_and_ignores_null() -> None:
    body = b'{"validate_only": true, "message": {"fid": "f", "topic": null, "fcmOptions": {}}}'
    message = FcmReader().read(body)
    assert (message.target_kind, message.validate_only) == ("fid", True)


def test_names_an_unknown_field_and_where_it_stands() -> None:
    error = refusal({"token": "t", "notification": {"data": "x"}})
    text = (
        "Invalid JSON payload received. Unknown name \"data\" at 'message.notification': "
        "Cannot find field."
    )
    assert (error.code, error.message) == (400, text)
    assert violations(error) == [("message.notification", text)]


def test_names_an_unknown_field_of_the_request_without_a_place() -> None:
    error = refusal({"token": "t"}, to="x")
    assert error.message == ('Invalid JSON payload received. Unknown name "to": Cannot find field.')


def test_refuses_a_number_as_a_data_value_as_googles_page_shows_it() -> None:
    error = refusal({"token": "t", "data": {"a": 12}})
    text = "Invalid value at 'message.data[0].value' (TYPE_STRING), 12"
    assert violations(error) == [("message.data[0].value", text)]


@pytest.mark.parametrize(
    ("message", "field", "hint"),
    [
        ({"android": {"ttl": "5"}}, "message.android.ttl", "must end with 's'"),
        ({"android": {"priority": "LOW"}}, "message.android.priority", '"LOW"'),
        ({"android": {"directBootOk": 1}}, "message.android.direct_boot_ok", "TYPE_BOOL"),
        ({"notification": "x"}, "message.notification", "v1.Notification"),
        ({"notification": ["x"]}, "message.notification", "not repeating"),
        ({"token": {"a": "b"}}, "message.token", "cannot start object"),
        ({"data": "x"}, "message.data", "(Map)"),
        (
            {"android": {"notification": {"notificationCount": 2**31}}},
            "message.android.notification.notification_count",
            "TYPE_INT32",
        ),
        (
            {"android": {"notification": {"bodyLocArgs": ["a", 1]}}},
            "message.android.notification.body_loc_args[1]",
            "TYPE_STRING",
        ),
        (
            {"android": {"notification": {"eventTime": "yesterday"}}},
            "message.android.notification.event_time",
            "Timestamp",
        ),
        (
            {"android": {"notification": {"lightSettings": {"color": {"red": "x"}}}}},
            "message.android.notification.light_settings.color.red",
            "TYPE_FLOAT",
        ),
    ],
)
def test_refuses_a_wrong_type(message: dict[str, Any], field: str, hint: str) -> None:
    ((where, text),) = violations(refusal({"topic": "t", **message}))
    assert where == field
    assert hint in text


def test_reports_every_violation_at_once() -> None:
    error = refusal({"token": 1, "x": 2})
    assert len(violations(error)) == 2
    assert error.message.count("\n") == 1


def test_refuses_a_body_that_is_not_json() -> None:
    with pytest.raises(GoogleError, match="Invalid JSON payload received"):
        FcmReader().read(b"{")


def test_refuses_a_body_that_is_not_an_object() -> None:
    with pytest.raises(GoogleError, match="Root element must be a message"):
        FcmReader().read(b"[]")


def test_needs_a_recipient() -> None:
    assert refusal({}).message == "Recipient of the message is not set."


def test_takes_one_recipient_only() -> None:
    assert "Cannot set 'topic'" in refusal({"token": "t", "topic": "x"}).message


def test_refuses_a_token_that_cannot_be_one() -> None:
    error = refusal({"token": "with space"})
    assert [d["@type"].rpartition(".")[2] for d in error.details] == ["FcmError"]


@pytest.mark.parametrize("key", ["from", "message_type", "google.x", "gcm.n"])
def test_refuses_a_reserved_data_key(key: str) -> None:
    assert refusal({"token": "t", "data": {key: "v"}}).message.endswith(key)


def test_takes_a_payload_of_4096_bytes_and_not_one_more() -> None:
    def body(size: int) -> bytes:
        return json.dumps({"message": {"token": "t", "data": {"k": "ü" * size}}}).encode()

    assert FcmReader().read(body(2047)).data
    with pytest.raises(GoogleError, match="too big"):
        FcmReader().read(body(2048))


def test_refuses_a_time_to_live_beyond_four_weeks() -> None:
    assert "TTL" in refusal({"token": "t", "android": {"ttl": "2419201s"}}).message
