"""What goes over the wire comes back the same; newer fields are ignored, wrong ones refused."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from pydantic import BaseModel, ValidationError

from contracts.access import ApiKeyRecord, Scope
from contracts.cache_keys import api_key_key, template_key, user_key
from contracts.delivery_message import (
    MESSAGE_VERSION,
    OLDEST_MESSAGE_VERSION,
    DeliveryMessage,
)
from contracts.notification import AmbiguousPolicy, DeviceKind, NotificationType
from contracts.outcome import OUTCOME_VERSION, STATUS_AFTER, DeliveryOutcome, OutcomeKind
from contracts.preferences import ChannelPreferences
from contracts.template_snapshot import (
    ChannelVariables,
    EmailSource,
    LiveVersion,
    PushSource,
    TemplateSnapshot,
    TemplateVersion,
)
from contracts.user_snapshot import DeviceAddress, UserSnapshot

ID = UUID("01890000-0000-7000-8000-000000000001")
NOW = datetime(2026, 11, 20, 12, 30, 0, 123456, tzinfo=UTC)

DELIVERY = DeliveryMessage(
    delivery_id=ID,
    notification_id="notif_1",
    notification_type=NotificationType.PUSH,
    user_id=ID,
    client_id="application:1",
    recipient="token",
    device_kind=DeviceKind.FCM,
    template_code="welcome",
    template_version=3,
    language="de",
    category="account",
    ambiguous=AmbiguousPolicy.HOLD,
    variables={"name": "Jürgen", "items": [1, 2.5, None, {"a": True}]},
    request_id="req",
    correlation_id="c",
    traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
    priority=10,
    generation=2,
    retry_count=4,
    not_before=NOW,
    unsubscribe_url="https://example.org/u",
    test=True,
    metadata={"campaign_id": "x"},
    created_at=NOW,
    expires_at=NOW,
)
OUTCOME = DeliveryOutcome(
    event_id=ID,
    kind=OutcomeKind.SENT,
    delivery_id=ID,
    notification_id="notif_1",
    generation=0,
    attempt=1,
    at=NOW,
    provider="smtp",
    provider_message_id="<a@b>",
    reply_code="250",
    latency_ms=12.5,
    reason=None,
    detail=None,
    next_attempt_at=NOW,
    correlation_id="c",
)
EVERYTHING: list[BaseModel] = [
    DELIVERY,
    OUTCOME,
    UserSnapshot(
        user_id=ID,
        version=1,
        is_active=True,
        email=None,
        language="en",
        timezone="Europe/Berlin",
        preferences=ChannelPreferences(email=False),
        devices=(DeviceAddress(kind=DeviceKind.FCM, token="t"),),
    ),
    TemplateSnapshot(
        code="welcome",
        row_version=1,
        is_active=True,
        category="account",
        default_language="en",
        languages={
            "en": LiveVersion(
                version=1,
                channels={NotificationType.EMAIL: ChannelVariables(required=("name",))},
            )
        },
    ),
    TemplateVersion(
        code="welcome",
        language="en",
        version=1,
        email=EmailSource(subject="s", html="<p>", text="t"),
        push=PushSource(title="t", body="b", data={"k": "v"}),
    ),
    ApiKeyRecord(
        id=ID,
        name="shop",
        version=1,
        scopes=frozenset({Scope.ADMIN, Scope.USERS_READ}),
        is_active=True,
    ),
]


@pytest.mark.parametrize("model", EVERYTHING, ids=lambda model: type(model).__name__)
def test_survives_the_wire(model: BaseModel) -> None:
    assert type(model).model_validate_json(model.model_dump_json()) == model


@pytest.mark.parametrize("model", [DELIVERY, OUTCOME], ids=lambda model: type(model).__name__)
def test_survives_the_wire_without_its_empty_fields(model: BaseModel) -> None:
    assert type(model).model_validate_json(model.model_dump_json(exclude_none=True)) == model


@pytest.mark.parametrize("model", [DELIVERY, OUTCOME], ids=lambda model: type(model).__name__)
def test_a_field_of_a_newer_release_is_ignored(model: BaseModel) -> None:
    newer = model.model_dump(mode="json") | {"surprise": {"of": ["the", "future"]}}
    assert type(model).model_validate(newer) == model


@pytest.mark.parametrize("version", {OLDEST_MESSAGE_VERSION, MESSAGE_VERSION})
def test_reads_this_version_of_messages_and_the_one_before(version: int) -> None:
    assert DeliveryMessage.model_validate(DELIVERY.model_dump() | {"v": version}).v == version


def test_refuses_an_outcome_of_a_version_that_it_does_not_know() -> None:
    with pytest.raises(ValidationError, match="v"):
        DeliveryOutcome.model_validate(OUTCOME.model_dump() | {"v": OUTCOME_VERSION + 1})


@pytest.mark.parametrize("model", EVERYTHING, ids=lambda model: type(model).__name__)
def test_cannot_be_changed_on_its_way(model: BaseModel) -> None:
    name = next(iter(type(model).model_fields))
    with pytest.raises(ValidationError, match="frozen"):
        setattr(model, name, None)


@pytest.mark.parametrize(
    "change",
    [
        {"v": MESSAGE_VERSION + 1},
        {"v": 0},
        {"priority": 11},
        {"priority": -1},
        {"template_version": 0},
        {"recipient": ""},
        {"retry_count": -1},
        {"generation": -1},
        {"notification_type": "pigeon"},
    ],
)
def test_refuses_a_delivery_with(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError) as caught:
        DeliveryMessage.model_validate(DELIVERY.model_dump() | change)
    assert [error["loc"] for error in caught.value.errors()] == [tuple(change)]


@pytest.mark.parametrize("field", ["delivery_id", "recipient", "correlation_id", "created_at"])
def test_refuses_a_delivery_without(field: str) -> None:
    with pytest.raises(ValidationError, match=field):
        DeliveryMessage.model_validate(DELIVERY.model_dump(exclude={field}))


def test_every_outcome_leads_to_a_status() -> None:
    assert set(STATUS_AFTER) == set(OutcomeKind)


@pytest.mark.parametrize("kind", OutcomeKind)
def test_an_outcome_is_routed_by_its_kind(kind: OutcomeKind) -> None:
    outcome = OUTCOME.model_copy(update={"kind": kind})
    assert outcome.routing_key == f"notification.{kind.value}"


def test_no_two_kinds_of_thing_share_a_cache_key() -> None:
    keys = {user_key(ID), template_key(str(ID)), api_key_key(str(ID))}
    assert len(keys) == 3
