"""Builds the gateway and its relay out of real adapters; the only module that knows them all."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
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
            url,
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
    backlog = BacklogGauge(database, _utc_now)
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
        publisher.start()
        outbox_queue.start()
        backlog.start()
        try:
            yield
        finally:
            await backlog.stop()
            await outbox_queue.stop()
            await publisher.close()
            for client in clients:
                await client.aclose()
            await redis.aclose()
            await database.close()

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
        publisher.start()
        poller.start()
        outcomes.start()
        try:
            yield
        finally:
            await outcomes.stop()
            await poller.stop()
            await publisher.close()
            await database.close()

    return create_app(
        service=RELAY,
        version=VERSION,
        description="Publishes what the gateway left behind and records the workers' outcomes.",
        checks={
            "postgres": database.check,
            "rabbitmq": publisher.check,
            "outcomes": outcomes.subscriber.check,
        },
        metrics=metrics,
        lifespan=lifespan,
    )


def _utc_now() -> datetime:
    return datetime.now(UTC)
