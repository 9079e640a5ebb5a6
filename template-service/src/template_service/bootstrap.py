"""The one module that builds real adapters and hands them to the use cases."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from fastapi import FastAPI

from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.database import Database
from servicekit.http_client import create_http_client
from servicekit.metrics import Metrics
from servicekit.redis import check_redis, create_redis
from servicekit.remote_api_keys import RemoteApiKeys
from servicekit.remote_keys import fetch_jwks_from
from servicekit.service_client import ServiceClient
from servicekit.service_tokens import parse_service_tokens
from servicekit.shutdown import bounded_shutdown
from servicekit.tokens import TokenVerifier
from template_service.adapters.postgres_templates import PostgresTemplates
from template_service.adapters.redis_snapshots import RedisSnapshots
from template_service.api import snapshots as snapshot_routes
from template_service.api import templates as template_routes
from template_service.api.dependencies import UseCases
from template_service.settings import Settings
from template_service.usecases.create_template import CreateTemplate
from template_service.usecases.get_snapshot import GetSnapshot
from template_service.usecases.get_snapshots import GetSnapshots
from template_service.usecases.get_template import GetTemplate
from template_service.usecases.get_version import GetVersion
from template_service.usecases.list_templates import ListTemplates
from template_service.usecases.publish_version import PublishVersion
from template_service.usecases.render_version import RenderVersion

SERVICE: Final = "template-service"
VERSION: Final = "0.1.0"
_USER_SERVICE_SECONDS: Final = 1.0


def build_app(settings: Settings) -> FastAPI:
    """The application; it connects when it is first asked, and disconnects when it ends."""
    database = Database(
        settings.database_url.get_secret_value(),
        name=SERVICE,
        pool_size=settings.database_pool_size,
    )
    redis = create_redis(
        settings.redis_url.get_secret_value(),
        name=SERVICE,
        max_connections=settings.redis_max_connections,
    )
    http = create_http_client(
        str(settings.user_service_url),
        timeout_seconds=_USER_SERVICE_SECONDS,
        service_token=settings.service_token.get_secret_value(),
    )
    metrics = Metrics()
    user_service = ServiceClient("user-service", http, metrics=metrics)
    templates = PostgresTemplates(database)
    snapshots = RedisSnapshots(redis)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with bounded_shutdown() as at_the_end:  # the last first
            at_the_end(database.close)
            at_the_end(redis.aclose)
            at_the_end(http.aclose)
            yield

    async def check_own_redis() -> None:
        await check_redis(redis)

    return create_app(
        service=SERVICE,
        version=VERSION,
        description="Templates, their immutable versions and languages.",
        routers=[template_routes.router, snapshot_routes.router],
        checks={"postgres": database.check, "redis": check_own_redis},
        metrics=metrics,
        lifespan=lifespan,
        authenticate=Authenticator(
            api_keys=RemoteApiKeys(redis, user_service, metrics=metrics),
            tokens=TokenVerifier(fetch_jwks_from(user_service)),
            service_tokens=parse_service_tokens(settings.service_tokens),
        ),
        state={
            "use_cases": UseCases(
                create_template=CreateTemplate(templates, snapshots, _now),
                publish_version=PublishVersion(templates, snapshots, _now),
                get_template=GetTemplate(templates),
                list_templates=ListTemplates(templates),
                get_snapshot=GetSnapshot(templates),
                get_snapshots=GetSnapshots(templates),
                get_version=GetVersion(templates),
                render_version=RenderVersion(templates),
            )
        },
    )


def _now() -> datetime:
    return datetime.now(UTC)
