"""The one statement that stores what became of any number of notifications that had waited."""

from collections.abc import Sequence
from typing import Any, Final

from uuid_utils.compat import uuid7

from api_gateway.adapters.array_statements import (
    INT,
    TEXT,
    TIME,
    UUID_,
    columns_of,
    delivery_arrays,
    store_deliveries,
    unnest,
)
from api_gateway.adapters.outbox_rows import OutboxRow
from api_gateway.domain.release import Release
from contracts.notification import NotificationStatus

_RELEASE: Final = {
    "id": UUID_,
    "status": TEXT,
    "reason": TEXT,
    "template_version": INT,
    "language": TEXT,
    "category": TEXT,
    "ambiguous": TEXT,
    "priority": INT,
    "again_at": TIME,
    "event": TEXT,
    "event_id": UUID_,
    "note": TEXT,
}

# Only what still waits is moved: not what was cancelled, or released by somebody whose lease ended.
RELEASE: Final = f"""
WITH moved AS (
    UPDATE notifications AS held SET
        status = r.status,
        reason = r.reason,
        template_version = r.template_version,
        language = r.language,
        category = r.category,
        ambiguous = r.ambiguous,
        priority = r.priority,
        scheduled_at = coalesce(r.again_at, held.scheduled_at),
        release_at = r.again_at,
        variables = CASE
            WHEN r.status IN ('pending', 'scheduled') THEN held.variables ELSE '{{}}'::jsonb END,
        updated_at = now()
    FROM {unnest("r", _RELEASE, 1)}
    WHERE held.id = r.id AND held.status = 'scheduled'
    RETURNING held.id, r.status, r.reason, r.again_at, r.event, r.event_id, r.note
), told AS (
    INSERT INTO notification_events
        (id, notification_id, kind, status, at, generation, attempt, reason, detail,
         next_attempt_at)
    SELECT event_id, id, event, status, now(), 0, 0, reason, note, again_at FROM moved
), {store_deliveries("moved", 1 + len(_RELEASE))}
SELECT delivery_id, id AS outbox_id FROM queued
"""  # noqa: S608 - the names are ours, and every value is a parameter


def release_arguments(
    releases: Sequence[Release], rows: Sequence[Sequence[OutboxRow]]
) -> list[Any]:
    """The arrays that `RELEASE` takes, without the two intervals at its end.

    Args:
        releases: What became of them.
        rows: The outbox rows of each one's deliveries.
    """
    return [
        *columns_of(_RELEASE, [_row(release) for release in releases]),
        # They take turns: what falls due at one moment may be any number.
        *delivery_arrays(
            [release.notification for release in releases], rows, [False] * len(releases)
        ),
    ]


def _row(release: Release) -> tuple[Any, ...]:
    one = release.notification
    return (
        one.id,
        one.status,
        one.reason,
        one.template_version,
        one.language,
        one.category,
        one.ambiguous,
        one.priority,
        one.scheduled_at if one.status is NotificationStatus.SCHEDULED else None,
        release.event,
        uuid7(),
        release.note,
    )
