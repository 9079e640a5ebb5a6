"""Ids as clients see them (`notif_…`) and as they are stored (UUIDv7, so that time can be read)."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

NOTIFICATION_PREFIX: Final = "notif_"
BATCH_PREFIX: Final = "batch_"
_MILLISECOND: Final = timedelta(milliseconds=1)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_PUBLIC_ID: Final = re.compile(r"notif_([0-9a-f]{32})")
_PUBLIC_BATCH_ID: Final = re.compile(r"batch_([0-9a-f]{32})")


def public_notification_id(notification_id: UUID) -> str:
    """The id that clients see."""
    return NOTIFICATION_PREFIX + notification_id.hex


def parse_notification_id(public_id: str) -> UUID | None:
    """The stored id, or None if no notification can have this one."""
    match = _PUBLIC_ID.fullmatch(public_id)
    return UUID(hex=match[1]) if match else None


def public_batch_id(batch_id: UUID) -> str:
    """The id of a batch that clients see."""
    return BATCH_PREFIX + batch_id.hex


def parse_batch_id(public_id: str) -> UUID | None:
    """The stored id, or None if no batch can have this one."""
    match = _PUBLIC_BATCH_ID.fullmatch(public_id)
    return UUID(hex=match[1]) if match else None


def first_id_of(time: datetime) -> UUID:
    """The smallest id that can have been made at a time or later.

    The first 48 bits of a UUIDv7 are milliseconds since 1970 (RFC 9562, section 5.7).
    """
    return UUID(int=max(0, (time - _EPOCH) // _MILLISECOND) << 80)
