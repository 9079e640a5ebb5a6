"""What a caller asks for, and under which key asking again means the same."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any
from uuid import UUID

import orjson

from contracts.notification import NotificationType


@dataclass(frozen=True)
class NotificationRequest:
    """One notification as it was asked for. Times are UTC."""

    notification_type: NotificationType
    user_id: UUID
    template_code: str
    variables: dict[str, Any] = field(default_factory=dict)
    request_id: str | None = None
    priority: int | None = None
    language: str | None = None
    scheduled_at: datetime | None = None
    expires_at: datetime | None = None
    metadata: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over what was asked; equal requests have equal ones, in any key order."""
        asked: dict[str, Any] = {
            "notification_type": self.notification_type,
            "user_id": str(self.user_id),
            "template_code": self.template_code,
            "variables": self.variables,
            "priority": self.priority,
            "language": self.language,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
            "metadata": self.metadata,
        }
        if self.scheduled_at is not None:  # else as it was before there was a time
            asked["scheduled_at"] = self.scheduled_at.isoformat()
        return hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()


@dataclass(frozen=True)
class IdempotencyKey:
    """Names a request among all of one caller's."""

    caller: str
    request_id: str
