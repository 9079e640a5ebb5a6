from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError
from samples import NOW, delivery, notification

from api_gateway.api.schemas import NotificationView, SendNotification, mask
from api_gateway.domain.notification import TimelineEvent
from contracts.notification import NotificationStatus, NotificationType
from servicekit.error_handlers import detail_of

LANGUAGE_TAG = (
    "The language must be a language tag (BCP 47) of at most 35 characters, such as en or pt-BR."
)
MINIMAL: dict[str, Any] = {
    "notification_type": "email",
    "user_id": str(uuid4()),
    "template_code": "welcome_email",
}


def test_a_minimal_body_has_the_documented_defaults() -> None:
    asked = SendNotification.model_validate(MINIMAL).to_domain(None)
    assert asked.notification_type is NotificationType.EMAIL
    assert (asked.variables, asked.metadata) == ({}, {})
    assert (asked.request_id, asked.priority) == (None, None)
    assert (asked.language, asked.expires_at) == (None, None)


def test_the_documented_example_is_valid() -> None:
    extra = SendNotification.model_config["json_schema_extra"]
    assert isinstance(extra, dict)
    SendNotification.model_validate(extra["example"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"unknown": 1}, "unknown"),
        ({"notification_type": "sms"}, "notification_type"),
        ({"notification_type": 1}, "notification_type"),
        ({"notification_type": None}, "notification_type"),
        ({"user_id": "not-a-uuid"}, "user_id"),
        ({"user_id": 5}, "user_id"),
        ({"user_id": ["x"]}, "user_id"),
        ({"template_code": ""}, "template_code"),
        ({"template_code": "a/b"}, "template_code"),
        ({"template_code": "a b"}, "template_code"),
        ({"template_code": "welcome\n"}, "template_code"),
        ({"template_code": "a" * 101}, "template_code"),
        ({"template_code": "."}, "template_code"),
        ({"template_code": ".."}, "template_code"),
        ({"template_code": "Welcome"}, "template_code"),
        ({"template_code": 5}, "template_code"),
        ({"variables": []}, "variables"),
        ({"variables": "x"}, "variables"),
        ({"variables": None}, "variables"),
        ({"variables": {"a": "\0"}}, "variables"),
        ({"variables": {"a": "\ud800"}}, "variables"),
        ({"variables": {"a": float("nan")}}, "variables"),
        ({"variables": {"a": float("inf")}}, "variables"),
        ({"variables": {"a": 2**80}}, "variables"),
        ({"metadata": 1}, "metadata"),
        ({"metadata": {"\0": 1}}, "metadata"),
        ({"request_id": ""}, "request_id"),
        ({"request_id": "r" * 256}, "request_id"),
        ({"request_id": "ü"}, "request_id"),
        ({"request_id": "a\nb"}, "request_id"),
        ({"request_id": 7}, "request_id"),
        ({"priority": -1}, "priority"),
        ({"priority": 11}, "priority"),
        ({"priority": 1.5}, "priority"),
        ({"priority": "high"}, "priority"),
        ({"priority": "5"}, "priority"),
        ({"priority": True}, "priority"),
        ({"language": ""}, "language"),
        ({"language": "english_us"}, "language"),
        ({"language": "en\n"}, "language"),
        ({"language": 5}, "language"),
        ({"language": "en-"}, "language"),
        ({"language": "en-abcdefghi"}, "language"),
        ({"language": "en-x"}, "language"),
        ({"language": "en-x-" + "-".join(["abcdefgh"] * 4)}, "language"),
        ({"scheduled_at": "2026-12-01T00:00:00"}, "scheduled_at"),
        ({"expires_at": "2026-12-01T00:00:00"}, "expires_at"),
        ({"expires_at": "tomorrow"}, "expires_at"),
        ({"expires_at": "1893456000"}, "expires_at"),
        ({"expires_at": 5}, "expires_at"),
        ({"expires_at": True}, "expires_at"),
        ({"expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"expires_at": "0001-01-01T00:00:00+14:00"}, "expires_at"),
    ],
)
def test_names_the_field_that_is_wrong(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as caught:
        SendNotification.model_validate({**MINIMAL, **changes})
    assert [error["loc"][0] for error in caught.value.errors()] == [field]


@pytest.mark.parametrize(
    ("changes", "details"),
    [
        (
            {"variables": {"name": "\0", "items": [{"n": 2**64}]}, "metadata": {"x": "\ud800"}},
            [
                ("variables.name", "nul_character", "The text must not hold a NUL character."),
                ("variables.items.0.n", "integer_size", "The number has more than 64 bits."),
                ("metadata.x", "string_unicode", "The text must not hold half a surrogate pair."),
            ],
        ),
        (
            {"metadata": {"a": {"\0": 1}}},
            [("metadata.a", "nul_character", "A key must not hold a NUL character.")],
        ),
        (
            {"variables": {str(n): n for n in range(1_001)}},
            [("variables", "too_many_keys", "It has more than 1000 keys in all.")],
        ),
        (
            {"language": "en_US"},
            [("language", "language_tag", LANGUAGE_TAG)],
        ),
    ],
)
def test_tells_the_full_path_and_why(
    changes: dict[str, Any], details: list[tuple[str, str, str]]
) -> None:
    with pytest.raises(ValidationError) as caught:
        SendNotification.model_validate({**MINIMAL, **changes})
    told = [detail_of(error) for error in caught.value.errors()]
    assert [(each.field, each.code, each.message) for each in told] == details


@pytest.mark.parametrize("field", MINIMAL)
def test_names_the_field_that_is_missing(field: str) -> None:
    body = {name: value for name, value in MINIMAL.items() if name != field}
    with pytest.raises(ValidationError) as caught:
        SendNotification.model_validate(body)
    assert [error["loc"] for error in caught.value.errors()] == [(field,)]


def test_times_are_brought_to_utc_so_that_equal_ones_are_equal() -> None:
    one, other = (
        SendNotification.model_validate({**MINIMAL, "expires_at": text}).to_domain(None)
        for text in ("2026-12-01T12:00:00+02:00", "2026-12-01T10:00:00Z")
    )
    assert one.expires_at == datetime(2026, 12, 1, 10, tzinfo=UTC)
    assert one.expires_at is not None
    assert one.expires_at.tzinfo is UTC
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize("spelling", ["pt-BR", "pt-br", "PT-BR"])
def test_a_language_has_one_spelling_so_that_equal_requests_are_equal(spelling: str) -> None:
    asked = SendNotification.model_validate({**MINIMAL, "language": spelling}).to_domain(None)
    usual = SendNotification.model_validate({**MINIMAL, "language": "pt-BR"}).to_domain(None)
    assert asked.language == "pt-BR"
    assert asked.fingerprint == usual.fingerprint


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("john@example.com", "j***@example.com"),
        ("j@example.com", "j***@example.com"),
        ('"a@b"@example.com', '"***@example.com'),
        ("@example.com", "***"),
        ("short", "***"),
        ("exactly12chr", "***"),
        ("fGh2k9-longer-device-token", "fGh2k9***"),
        ("", "***"),
    ],
)
def test_an_address_can_be_recognised_and_not_used(address: str, shown: str) -> None:
    assert mask(address) == shown


def test_shows_deliveries_masked_and_the_timeline_with_all_it_knows() -> None:
    event = TimelineEvent(
        kind="sent", status=NotificationStatus.DELIVERED, at=NOW, attempt=1, latency_ms=12.5
    )
    one = notification(deliveries=(delivery(recipient="john@example.com"),), timeline=(event,))
    view = NotificationView.of(one)
    assert view.id == view.notification_id == "notif_" + one.id.hex
    assert view.deliveries[0].recipient == "j***@example.com"
    assert "john@example.com" not in view.model_dump_json()
    [shown] = view.timeline
    assert (shown.event, shown.status, shown.latency_ms) == ("sent", "delivered", 12.5)
