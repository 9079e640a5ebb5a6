from datetime import timedelta

from samples import NOW, delivery, notification

from api_gateway.domain.build_message import build_message
from api_gateway.domain.identifiers import public_notification_id
from contracts.delivery_message import DeliveryMessage
from contracts.names import normal_lane
from contracts.notification import AmbiguousPolicy, DeviceKind, NotificationType


def test_carries_all_that_a_worker_needs() -> None:
    device = delivery(recipient="token-1", device_kind=DeviceKind.FCM, generation=2, attempts=6)
    one = notification(
        notification_type=NotificationType.PUSH,
        request_id="req-1",
        ambiguous=AmbiguousPolicy.HOLD,
        traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01",
        expires_at=NOW + timedelta(days=1),
        deliveries=(device,),
    )
    due = NOW + timedelta(hours=2)
    message = build_message(one, device, retry_count=3, not_before=due)
    assert message == DeliveryMessage(
        delivery_id=device.id,
        notification_id=public_notification_id(one.id),
        notification_type=NotificationType.PUSH,
        user_id=one.user_id,
        client_id="application:a",
        recipient="token-1",
        device_kind=DeviceKind.FCM,
        template_code="welcome",
        template_version=3,
        language="en",
        category="onboarding",
        ambiguous=AmbiguousPolicy.HOLD,
        variables=one.variables,
        request_id="req-1",
        correlation_id="corr-1",
        traceparent=one.traceparent,
        priority=4,
        generation=2,
        retry_count=3,
        not_before=due,
        metadata={"campaign_id": "spring"},
        created_at=NOW,
        expires_at=NOW + timedelta(days=1),
    )
    assert normal_lane(message.notification_type) == "push.queue"


def test_begins_anew_with_whatever_only_lasts_from_attempt_to_attempt() -> None:
    one = notification()
    message = build_message(one, one.deliveries[0])
    assert (message.retry_count, message.provider_failures) == (0, 0)
    assert (message.pinned_provider, message.not_before) == (None, None)


def test_every_field_of_the_contract_is_filled_or_left_out_on_purpose() -> None:
    """A field that is added to the contract has to be thought of here."""
    one = notification(
        request_id="req-1", expires_at=NOW, traceparent="00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    )
    left_out = {
        "v",
        "max_retries",
        "provider_failures",
        "pinned_provider",
        "unsubscribe_url",
        "test",
    }
    message = build_message(one, one.deliveries[0], retry_count=1, not_before=NOW)
    assert set(DeliveryMessage.model_fields) - message.model_fields_set == left_out
