"""Names of what exists in RabbitMQ: exchanges, queues, routing keys and retry tiers.

`rabbitmq-config/definitions.json` declares them; a test keeps the two in step.
"""

from typing import Final

from contracts.notification import NotificationType

NOTIFICATIONS_EXCHANGE: Final = "notifications.direct"
RETRY_EXCHANGE: Final = "notifications.retry"
EVENTS_EXCHANGE: Final = "notification.events"

FAILED_QUEUE: Final = "failed.queue"
OUTCOMES_QUEUE: Final = "gateway.outcomes"
SUPPRESSIONS_QUEUE: Final = "users.suppressions"
"""Outcomes that may carry a `SuppressionNotice`, for user-service."""

TIER_HEADER: Final = "tier"
"""Header that `notifications.retry` routes on; its value is one of `RETRY_TIERS`."""

RETRY_TIERS: Final = (1, 4, 16, 64, 256, 1024)
"""Delays of the retry queues, in seconds, ascending."""

PRIORITY_LANE_FROM: Final = 5
"""Notifications of this priority (0-10) and above take their channel's priority lane."""


def retry_queue(tier: int) -> str:
    """The queue that holds a message for `tier` seconds, one of `RETRY_TIERS`."""
    return f"retry.{tier}s"


def lane_for(notification_type: NotificationType, priority: int) -> str:
    """The queue, and so the routing key, that carries a notification of this priority (0-10)."""
    if priority >= PRIORITY_LANE_FROM:
        return priority_lane(notification_type)
    return normal_lane(notification_type)


def normal_lane(notification_type: NotificationType) -> str:
    """The queue of a channel for priorities below `PRIORITY_LANE_FROM`."""
    return f"{notification_type.value}.queue"


def priority_lane(notification_type: NotificationType) -> str:
    """The queue of a channel for priorities of `PRIORITY_LANE_FROM` and above."""
    return f"{notification_type.value}.priority.queue"


LANES: Final = tuple(
    lane(kind) for kind in NotificationType for lane in (normal_lane, priority_lane)
)
RETRY_QUEUES: Final = tuple(retry_queue(tier) for tier in RETRY_TIERS)
QUEUES: Final = (*LANES, *RETRY_QUEUES, OUTCOMES_QUEUE, SUPPRESSIONS_QUEUE, FAILED_QUEUE)
EXCHANGES: Final = (NOTIFICATIONS_EXCHANGE, RETRY_EXCHANGE, EVENTS_EXCHANGE)
