"""A message as FCM reads it: shape by the published schema, then FCM's own rules.

Rules beyond the schema are those of https://firebase.google.com/docs/cloud-messaging/error-codes:
one target, payload size, reserved data keys, range of the time to live.
"""

import json
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from devstack.sandbox.push.discovery_schema import DiscoverySchemas, snake_case
from devstack.sandbox.push.google_error import (
    Violation,
    invalid_argument,
    invalid_token,
    malformed,
)

PAYLOAD_LIMIT = 4096  # bytes of notification and data, keys and values
TOPIC_PAYLOAD_LIMIT = 2048
LONGEST_TTL = 2_419_200  # seconds, four weeks
TARGETS = ("fid", "token", "topic", "condition")
_RESERVED = frozenset({"from", "message_type"})
_RESERVED_PREFIXES = ("google.", "gcm.")


@dataclass(frozen=True, slots=True)
class FcmMessage:
    """A message that FCM would take. `message` is as it was sent, names in snake_case on top."""

    target_kind: str
    target: str
    title: str
    body: str
    data: dict[str, str]
    message: dict[str, Any]
    validate_only: bool


class FcmReader:
    """Reads bodies of messages:send."""

    def __init__(self) -> None:
        text = files("devstack.sandbox.push").joinpath("fcm_v1_schema.json").read_text("utf-8")
        document = json.loads(text)
        self._schemas = DiscoverySchemas(document["schemas"], "google.firebase.fcm.v1")
        self._request_schema: str = document["method"]["request"]["$ref"]

    def read(self, body: bytes) -> FcmMessage:
        """Return the message, or raise GoogleError as FCM would answer."""
        request = parse_json(body)
        violations = self._schemas.violations(self._request_schema, request)
        if violations:
            raise malformed(violations)
        request = _known_names(request)
        message = _known_names(request.get("message") or {})
        kind, target = _target(message)
        notification = _known_names(message.get("notification") or {})
        data: dict[str, str] = message.get("data") or {}
        _check_keys(data)
        _check_size(kind, notification, data)
        _check_ttl(message)
        return FcmMessage(
            target_kind=kind,
            target=target,
            title=notification.get("title", ""),
            body=notification.get("body", ""),
            data=data,
            message=message,
            validate_only=request.get("validate_only") in (True, "true"),
        )


def parse_json(body: bytes) -> Any:
    """The JSON of a body; of equal keys the last one counts, as FCM documents."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        text = f"Invalid JSON payload received. {error}"
        raise malformed([Violation("", text)]) from None


def _known_names(value: dict[str, Any]) -> dict[str, Any]:
    return {snake_case(key): item for key, item in value.items() if item is not None}


def _target(message: dict[str, Any]) -> tuple[str, str]:
    named = [kind for kind in TARGETS if kind in message]
    if not named:
        raise invalid_argument("message", "Recipient of the message is not set.")
    if len(named) > 1:
        second = [kind for kind in message if kind in TARGETS][1]
        text = (
            "Invalid value at 'message' (oneof), oneof field 'target' is already set. "
            f"Cannot set '{second}'"
        )
        raise malformed([Violation("message", text)])
    kind, target = named[0], str(message[named[0]])
    if kind in ("token", "fid") and (not target or any(c.isspace() for c in target)):
        raise invalid_token()
    if not target:
        raise invalid_argument(f"message.{kind}", f"Invalid {kind} name")
    return kind, target


def _check_keys(data: dict[str, str]) -> None:
    for key in data:
        if key.lower() in _RESERVED or key.lower().startswith(_RESERVED_PREFIXES):
            raise invalid_argument("message.data", f"Invalid data payload key: {key}")


def _check_size(kind: str, notification: dict[str, Any], data: dict[str, str]) -> None:
    size = sum(
        len(f"{key}{value}".encode())
        for part in (notification, data)
        for key, value in part.items()
    )
    limit = PAYLOAD_LIMIT if kind in ("token", "fid") else TOPIC_PAYLOAD_LIMIT
    if size > limit:
        raise invalid_argument("message", "Android message is too big")


def _check_ttl(message: dict[str, Any]) -> None:
    for platform in ("android", "android_v2"):
        ttl = (message.get(platform) or {}).get("ttl")
        if ttl is not None and not 0 <= float(ttl.removesuffix("s")) <= LONGEST_TTL:
            raise invalid_argument(f"message.{platform}.ttl", f"Invalid TTL: {ttl}")
