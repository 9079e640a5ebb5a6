"""A rendered push as the body of FCM HTTP v1's `messages:send`. Pure.

https://firebase.google.com/docs/reference/fcm/rest/v1/projects.messages
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from delivery.errors import PermanentDeliveryError
from delivery.provider import OutgoingDelivery
from templating import RenderedPush

_PAYLOAD_LIMIT: Final = 4096
"""Bytes of the keys and values of `notification` and `data`."""
_URGENT_PRIORITY: Final = 5
"""From here on, a message may wake a sleeping device."""
_LONGEST_TTL: Final = 28 * 24 * 3600.0  # seconds; FCM's own limit and default
_COLLAPSE_ID_LIMIT: Final = 64  # bytes, APNs'
_RESERVED_KEYS: Final = ("from", "message_type")
_RESERVED_PREFIXES: Final = ("google.", "gcm.")


def compose_fcm_message(delivery: OutgoingDelivery[RenderedPush], now: datetime) -> bytes:
    """The JSON body.

    Each platform is told to replace an earlier copy of the same notification, because FCM has no
    idempotency key: `tag` on Android, `apns-collapse-id` on iOS, `tag` in browsers. Android's
    `collapseKey` is not used: FCM stores no more than four different ones per device
    (https://firebase.google.com/docs/cloud-messaging/customize-messages/collapsible-message-types).

    Args:
        delivery: What to send, and to which token.
        now: For the time to live.

    Raises:
        PermanentDeliveryError: It is too large, or holds what FCM refuses.
    """
    message, content = delivery.message, delivery.content
    urgent = message.priority >= _URGENT_PRIORITY
    same = _collapse_id(message.notification_id)
    notification = {"title": content.title, "body": content.body}
    if content.image:
        notification["image"] = content.image
    data = _data(delivery)
    apns_headers = {"apns-collapse-id": same, "apns-priority": "10" if urgent else "5"}
    android: dict[str, Any] = {
        "priority": "HIGH" if urgent else "NORMAL",
        "notification": {"tag": same},
    }
    webpush: dict[str, Any] = {
        "headers": {"Urgency": "high" if urgent else "normal"},
        "notification": {"tag": same},
    }
    if message.expires_at is not None:
        lifetime = min(max((message.expires_at - now).total_seconds(), 0.0), _LONGEST_TTL)
        android["ttl"] = _duration(lifetime)
        webpush["headers"]["TTL"] = str(int(lifetime))
        apns_headers["apns-expiration"] = str(int(message.expires_at.astimezone(UTC).timestamp()))
    if content.link and content.link.startswith("https://"):
        webpush["fcmOptions"] = {"link": content.link}  # FCM takes nothing but https here
    size = _size(notification) + _size(data)
    if size > _PAYLOAD_LIMIT:
        detail = f"notification and data have {size} bytes; FCM takes {_PAYLOAD_LIMIT}"
        raise PermanentDeliveryError("payload_too_large", detail=detail)
    apns: dict[str, Any] = {"headers": apns_headers}
    return _to_json(
        {
            "message": {
                "token": message.recipient,
                "notification": notification,
                "data": data,
                "android": android,
                "apns": apns,
                "webpush": webpush,
            }
        }
    )


def _data(delivery: OutgoingDelivery[RenderedPush]) -> dict[str, str]:
    message, content = delivery.message, delivery.content
    for key in content.data:
        if key in _RESERVED_KEYS or key.startswith(_RESERVED_PREFIXES):
            detail = f"data key {key!r} is reserved by FCM; rename it in the template"
            raise PermanentDeliveryError("reserved_data_key", detail=detail)
    data = {key: str(value) for key, value in content.data.items()}
    if content.link:
        data["link"] = content.link
    data["notification_id"] = message.notification_id
    data["delivery_id"] = str(message.delivery_id)
    return data


def _collapse_id(notification_id: str) -> str:
    if notification_id.isascii() and len(notification_id) <= _COLLAPSE_ID_LIMIT:
        return notification_id
    return sha256(notification_id.encode()).hexdigest()


def _size(fields: Mapping[str, str]) -> int:
    # A lone surrogate counts here, and is refused when the whole becomes JSON
    return sum(len(text.encode(errors="surrogatepass")) for pair in fields.items() for text in pair)


def _duration(seconds: float) -> str:
    """`google.protobuf.Duration` in JSON: `3.5s`."""
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _to_json(document: Any) -> bytes:
    try:
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError as error:
        raise PermanentDeliveryError(
            "content_not_encodable", detail=f"a lone surrogate: {error.reason}"
        ) from error
