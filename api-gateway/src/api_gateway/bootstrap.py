"""Builds the gateway and its relay out of real adapters; the only module that knows them all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from fastapi import FastAPI
from uuid_utils.compat import uuid7

from api_gateway.adapters.amqp_messages import AmqpMessagePublisher
from api_gateway.adapters.backlog_gauge import BacklogGauge
from api_gateway.adapters.cached_directory import CachedDirectory
from api_gateway.adapters.outbox_queue import OutboxQueue
from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.adapters.postgres_outbox import PostgresOutbox
from api_gateway.adapters.postgres_outcomes import PostgresOutcomeRecorder
from api_gateway.adapters.redis_reservations import RedisReservations
from api_gateway.api import notifications
from api_gateway.consumers.outbox_poller import OutboxPoller
from api_gateway.consumers.outcomes import OutcomeConsumer
from api_gateway.settings import RelaySettings, Settings
from api_gateway.usecases.accept_notification import AcceptNotification
from api_gateway.usecases.read_notifications import ReadNotifications
from api_gateway.usecases.relay_outbox import RelayOutbox
from contracts.cache_keys import template_key, user_key
from contracts.names import NOTIFICATIONS_EXCHANGE
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.database import Database
from servicekit.http_client import create_http_client
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.publisher import Publisher
from servicekit.redis import check_redis, create_redis
from servicekit.remote_api_keys import RemoteApiKeys
from servicekit.remote_keys import fetch_jwks_from
from servicekit.service_client import ServiceClient
from servicekit.tokens import TokenVerifier
from servicekit.versioned_cache import VersionedCache

SERVICE: Final = "api-gateway"
RELAY: Final = "relay"
VERSION: Final = "0.1.0"
_SERVICE_CALL_SECONDS: Final = 1.0
_STOP_SECONDS: Final = 5.0

_log = get_logger(__name__)


def build_app(settings: Settings) -> FastAPI:
    """The HTTP API."""
    metrics = Metrics()
    database = Database(
        settings.database_url.get_secret_value(),
        name=SERVICE,
        pool_size=settings.database_pool_size,
    )
    redis = create_redis(settings.redis_url.get_secret_value(), name=SERVICE, max_connections=50)
    clients = [
        create_http_client(
            str(url),
            timeout_seconds=_SERVICE_CALL_SECONDS,
            service_token=settings.service_token.get_secret_value(),
        )
        for url in (settings.user_service_url, settings.template_service_url)
    ]
    user_service = ServiceClient("user-service", clients[0])
    template_service = ServiceClient("template-service", clients[1])
    publisher = Publisher(
        settings.amqp_url.get_secret_value(),
        name="api-gateway-publish",
        exchanges=(NOTIFICATIONS_EXCHANGE,),
    )
    outbox_queue = OutboxQueue(PostgresOutbox(database), AmqpMessagePublisher(publisher))
    backlog = BacklogGauge(database)
    users: CachedDirectory[UUID, UserSnapshot] = CachedDirectory(
        cache=VersionedCache(redis, UserSnapshot),
        service=user_service,
        model=UserSnapshot,
        cache_key=user_key,
        path=lambda user_id: f"/api/v1/users/{user_id}/snapshot",
        version_of=lambda user: user.version,
    )
    templates: CachedDirectory[str, TemplateSnapshot] = CachedDirectory(
        cache=VersionedCache(redis, TemplateSnapshot),
        service=template_service,
        model=TemplateSnapshot,
        cache_key=template_key,
        path=lambda code: f"/api/v1/templates/{code}/snapshot",
        version_of=lambda template: template.row_version,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stopping:  # from the last to the first, whatever fails
            stopping.push_async_callback(_stop, database.close)
            stopping.push_async_callback(_stop, redis.aclose)
            for client in clients:
                stopping.push_async_callback(_stop, client.aclose)
            stopping.push_async_callback(_stop, publisher.close)
            publisher.start()
            stopping.push_async_callback(_stop, outbox_queue.stop)
            outbox_queue.start()
            stopping.push_async_callback(_stop, backlog.stop)
            backlog.start()
            yield

    return create_app(
        service=SERVICE,
        version=VERSION,
        description="Accepts notifications durably and explains what happened to them.",
        routers=[notifications.router],
        checks={
            "postgres": database.check,
            "redis": lambda: check_redis(redis),
            "rabbitmq": publisher.check,
        },
        metrics=metrics,
        lifespan=lifespan,
        authenticate=Authenticator(
            api_keys=RemoteApiKeys(redis, user_service),
            tokens=TokenVerifier(fetch_jwks_from(user_service)),
        ),
        state={
            "accept_notification": AcceptNotification(
                users=users,
                templates=templates,
                reservations=RedisReservations(redis),
                store=PostgresNotificationStore(database),
                publisher=outbox_queue,
                admission=backlog,
                now=_utc_now,
                new_id=uuid7,
            ),
            "read_notifications": ReadNotifications(PostgresHistory(database)),
        },
    )


def build_relay(settings: RelaySettings) -> FastAPI:
    """The relay: health and metrics over HTTP, its work in the background."""
    metrics = Metrics()
    database = Database(
        settings.database_url.get_secret_value(), name=RELAY, pool_size=settings.database_pool_size
    )
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = Publisher(amqp_url, name="relay-publish", exchanges=(NOTIFICATIONS_EXCHANGE,))
    poller = OutboxPoller(
        RelayOutbox(PostgresOutbox(database), AmqpMessagePublisher(publisher)), metrics
    )
    outcomes = OutcomeConsumer(amqp_url, PostgresOutcomeRecorder(database))

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stopping:  # from the last to the first, whatever fails
            stopping.push_async_callback(_stop, database.close)
            stopping.push_async_callback(_stop, publisher.close)
            publisher.start()
            stopping.push_async_callback(_stop, poller.stop)
            poller.start()
            stopping.push_async_callback(_stop, outcomes.stop)
            outcomes.start()
            yield

    return create_app(
        service=RELAY,
        version=VERSION,
        description="Publishes what the gateway left behind and records the workers' outcomes.",
        checks={
            "postgres": database.check,
            "rabbitmq": publisher.check,
            "outcomes": outcomes.check,
        },
        metrics=metrics,
        lifespan=lifespan,
    )


async def _stop(step: Callable[[], Awaitable[None]]) -> None:
    """One step of a shutdown, and no longer than it may take.

    A library below may swallow a cancellation (`asyncio.wait_for` of Python 3.11 does, when what it
    waits for ends in that moment); the event loop cancels what is left once more at its own end.
    """
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await step()
    except TimeoutError:
        _log.error("shutdown.step_unfinished", step=getattr(step, "__qualname__", repr(step)))


def _utc_now() -> datetime:
    return datetime.now(UTC)
