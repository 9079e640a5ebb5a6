"""What answers of this API look like: the examples of its documentation."""

from typing import Final

from pydantic.config import JsonDict

_NOTIFICATION_ID: Final = "notif_0193f1a07c1a7b1e9c553f1a2b4c5d6e"
_BATCH_ID: Final = "batch_0193f1a07c1a7b1e9c553f1a2b4c5d70"
_DELIVERY_ID: Final = "0193f1a0-7c1b-7d55-8f21-5b1f0c9e7a42"
_LETTER_ID: Final = "0193f1a0-9d00-7a11-b0c4-1f2e3d4c5b6a"
_JOB_ID: Final = "0193f1a1-0000-7000-8000-000000000001"
_AT: Final = "2026-12-01T12:00:00Z"

ACCEPTED: Final[JsonDict] = {
    "notification_id": _NOTIFICATION_ID,
    "status": "pending",
    "created_at": _AT,
}
UNSENT: Final[JsonDict] = {**ACCEPTED, "status": "suppressed"}

SUMMARY: Final[JsonDict] = {
    "id": _NOTIFICATION_ID,
    "notification_id": _NOTIFICATION_ID,
    "notification_type": "email",
    "user_id": "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e",
    "template_code": "welcome_email",
    "template_version": 3,
    "language": "en",
    "category": "onboarding",
    "priority": 5,
    "status": "delivered",
    "reason": None,
    "request_id": "req_123",
    "metadata": {"campaign_id": "spring"},
    "correlation_id": "0193f1a07c1a7b1e9c553f1a2b4c5d6f",
    "created_at": _AT,
    "updated_at": "2026-12-01T12:00:01Z",
    "scheduled_at": None,
    "expires_at": None,
}
_EVENT: Final[JsonDict] = {
    "event": "sent",
    "status": "delivered",
    "at": "2026-12-01T12:00:01Z",
    "delivery_id": _DELIVERY_ID,
    "generation": 0,
    "attempt": 1,
    "provider": "smtp",
    "provider_message_id": "<0193f1a0@example.com>",
    "reply_code": "250",
    "latency_ms": 41.5,
    "reason": None,
    "detail": None,
    "next_attempt_at": None,
}
NOTIFICATION: Final[JsonDict] = {
    **SUMMARY,
    "deliveries": [
        {
            "delivery_id": _DELIVERY_ID,
            "recipient": "j***@example.com",
            "device_kind": None,
            "status": "delivered",
            "attempts": 1,
            "provider": "smtp",
            "provider_message_id": "<0193f1a0@example.com>",
            "reason": None,
        }
    ],
    "timeline": [_EVENT],
}

ACCEPTED_BATCH: Final[JsonDict] = {
    "batch_id": _BATCH_ID,
    "total": 2,
    "accepted": 1,
    "replayed": 0,
    "rejected": 1,
    "results": [
        {
            "success": True,
            "request_id": "welcome-1",
            "notification_id": _NOTIFICATION_ID,
            "status": "pending",
            "created_at": _AT,
            "replayed": False,
            "error": None,
            "message": None,
            "details": None,
        },
        {
            "success": False,
            "request_id": "welcome-2",
            "notification_id": None,
            "status": None,
            "created_at": None,
            "replayed": False,
            "error": "user_not_found",
            "message": "There is no such user.",
            "details": None,
        },
    ],
}
BATCH: Final[JsonDict] = {
    "batch_id": _BATCH_ID,
    "status": "completed",
    "created_at": _AT,
    "total": 2,
    "rejected": 1,
    "replayed": 0,
    "counts": {"delivered": 1},
}

LETTER_SUMMARY: Final[JsonDict] = {
    "id": _LETTER_ID,
    "delivery_id": _DELIVERY_ID,
    "generation": 0,
    "notification_id": _NOTIFICATION_ID,
    "notification_type": "email",
    "client_id": "application:0193f19f-0000-7000-8000-000000000002",
    "template_code": "welcome_email",
    "recipient": "j***@example.com",
    "reason": "retries_exhausted",
    "detail": "451 4.3.0 try again later",
    "received_at": "2026-12-01T13:00:00Z",
    "state": "open",
    "closed_at": None,
    "closed_by": None,
    "job_id": None,
}
LETTER: Final[JsonDict] = {
    **LETTER_SUMMARY,
    "headers": {"reason": "retries_exhausted"},
    "message": {"v": 1, "delivery_id": _DELIVERY_ID},
    "message_base64": None,
    "message_note": None,
    "attempts": [{**_EVENT, "event": "failed", "status": "failed", "attempt": 5}],
}
JOB: Final[JsonDict] = {
    "id": _JOB_ID,
    "action": "replay",
    "selection": {"filter": {"reason": "retries_exhausted"}},
    "until": "2026-12-01T14:00:00Z",
    "requested_by": "user:0193f19e-0000-7000-8000-000000000003",
    "created_at": "2026-12-01T14:00:00Z",
    "total": 120,
    "done": 118,
    "skipped": 2,
    "state": "completed",
    "finished_at": "2026-12-01T14:00:09Z",
}
DRY_RUN: Final[JsonDict] = {
    "action": "replay",
    "total": 120,
    "by_reason": [{"reason": "retries_exhausted", "count": 120}],
    "by_template": [{"template_code": "welcome_email", "count": 120}],
}
