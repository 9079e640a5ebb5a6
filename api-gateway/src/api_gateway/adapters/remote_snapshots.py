"""Users and templates as the gateway knows them: Redis first, then their owners."""

from typing import Final
from uuid import UUID

from redis.asyncio import Redis

from contracts.cache_keys import template_key, user_key
from contracts.snapshot_questions import (
    MOST_SNAPSHOTS,
    TemplateSnapshotsQuestion,
    UserSnapshotsQuestion,
)
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.bulk_directory import BulkDirectory
from servicekit.metrics import Metrics
from servicekit.service_client import ServiceClient
from servicekit.versioned_cache import VersionedCache

USER_PATH: Final = "/api/v1/users/{}/snapshot"
USERS_PATH: Final = "/api/v1/users/snapshots"
TEMPLATE_PATH: Final = "/api/v1/templates/{}/snapshot"
TEMPLATES_PATH: Final = "/api/v1/templates/snapshots"


class RemoteUsers(BulkDirectory[UUID, UserSnapshot]):
    """Implements `usecases.ports.UserDirectory`."""

    def __init__(self, redis: "Redis", user_service: ServiceClient, metrics: Metrics) -> None:
        super().__init__(
            cache=VersionedCache(redis, UserSnapshot, metrics=metrics),
            service=user_service,
            model=UserSnapshot,
            cache_key=user_key,
            path=USER_PATH,
            version_of=lambda user: user.version,
            many_path=USERS_PATH,
            question_of=lambda ids: UserSnapshotsQuestion(user_ids=list(ids)),
            most_at_once=MOST_SNAPSHOTS,
            key_of=lambda user: user.user_id,
            metrics=metrics,
        )


class RemoteTemplates(BulkDirectory[str, TemplateSnapshot]):
    """Implements `usecases.ports.TemplateDirectory`."""

    def __init__(self, redis: "Redis", template_service: ServiceClient, metrics: Metrics) -> None:
        super().__init__(
            cache=VersionedCache(redis, TemplateSnapshot, metrics=metrics),
            service=template_service,
            model=TemplateSnapshot,
            cache_key=template_key,
            path=TEMPLATE_PATH,
            version_of=lambda template: template.row_version,
            many_path=TEMPLATES_PATH,
            question_of=lambda codes: TemplateSnapshotsQuestion(codes=list(codes)),
            most_at_once=MOST_SNAPSHOTS,
            key_of=lambda template: template.code,
            metrics=metrics,
        )
