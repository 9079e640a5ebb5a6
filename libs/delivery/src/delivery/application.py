"""Assembles a worker: everything that is the same for all channels.

A channel brings its provider and the compiler of its templates; this is its whole difference.
"""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final, TypeVar

from fastapi import APIRouter, FastAPI
from redis.asyncio import Redis

from contracts.notification import NotificationType
from contracts.template_snapshot import TemplateVersion
from delivery.amqp_reports import EXCHANGES, AmqpReports
from delivery.deliver import Chances, Deliver
from delivery.failpoints import Failpoints
from delivery.metrics import DeliveryMetrics
from delivery.outcome_publisher import OutcomePublisher
from delivery.provider import Provider
from delivery.provider_chain import ProviderChain
from delivery.recipients import RecipientDigests
from delivery.redis_breakers import RedisBreakers
from delivery.redis_claims import RedisClaims
from delivery.rendering import Compiled, TemplateRenderer
from delivery.settings import WorkerSettings
from delivery.status_reports import router as status_router
from delivery.watchdog import Watchdog
from delivery.worker import Worker
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.breaker import BreakerRules
from servicekit.http_client import create_http_client
from servicekit.logs import get_logger
from servicekit.metrics import Metrics
from servicekit.publisher import Publisher
from servicekit.redis import create_redis
from servicekit.service_client import ServiceClient
from servicekit.service_tokens import parse_service_tokens
from servicekit.settings import ConfigurationError

ContentT = TypeVar("ContentT")

_TEMPLATE_SERVICE_SECONDS: Final = 2.0
_CLOSE_SECONDS: Final = 0.3
"""For each of four at the end: with the worker's 26 s and the publisher's 2.5 s below 30 s, also
where broker, Redis and provider are all frozen."""
_ALIVE_SECONDS: Final = 60
MAX_REPORT_BYTES: Final = 1024 * 1024
"""SendGrid posts up to 768 KB of events, and bounces may bring back a message's headers."""

_log = get_logger(__name__)


def build_worker_app(
    *,
    service: str,
    version: str,
    description: str,
    notification_type: NotificationType,
    settings: WorkerSettings,
    providers: Sequence[Provider[ContentT]],
    compile_version: Callable[[TemplateVersion], Compiled[ContentT] | None],
    routers: Sequence[APIRouter] = (),
    state: Mapping[str, Any] | None = None,
) -> FastAPI:
    """Build the application of one channel's worker.

    Args:
        service: Name in logs, health and documentation.
        version: The service's version.
        description: One sentence for the API's page.
        notification_type: The channel.
        settings: From the environment.
        providers: Where messages are handed over, in order of preference; closed at the end.
        compile_version: Compiles the channel's part of a template version; None: it has none.
        routers: The channel's own routes: what its providers report to, beside `/status`. In
            `app.state` they find `publish_outcomes`, an `OutcomePublisher`, beside `state`.
        state: What else they need.

    Raises:
        ConfigurationError: The service token is another service's.
    """
    service_token = settings.service_token.get_secret_value()
    if not service_token.startswith(f"{service}:"):
        msg = f"SERVICE_TOKEN must be {service}:<token>"
        raise ConfigurationError(msg)
    tokens = settings.service_tokens
    metrics = Metrics()
    delivery_metrics = DeliveryMetrics(metrics)
    redis = create_redis(
        settings.redis_url.get_secret_value(),
        name=service,
        max_connections=max(20, settings.concurrency),
    )
    templates = create_http_client(
        str(settings.template_service_url),
        timeout_seconds=_TEMPLATE_SERVICE_SECONDS,
        service_token=service_token,
    )
    amqp_url = settings.amqp_url.get_secret_value()
    publisher = Publisher(amqp_url, name=f"{service}-publish", exchanges=EXCHANGES)
    reports = AmqpReports(publisher, delivery_metrics)
    chance = random.Random()  # noqa: S311 - spreads retries, guards nothing
    digests = RecipientDigests(settings.suppression_key.get_secret_value().encode())
    failpoints = Failpoints(settings.failpoint, settings.failpoint_file)
    chain = ProviderChain(
        providers,
        RedisBreakers(
            redis,
            notification_type,
            BreakerRules(
                failures=settings.breaker_failures,
                open_seconds=settings.breaker_open_seconds,
                ramp_seconds=settings.breaker_ramp_seconds,
            ),
        ),
        attempt_seconds=settings.attempt_seconds,
        concurrency=settings.concurrency,
        metrics=delivery_metrics,
    )
    worker = Worker(
        amqp_url=amqp_url,
        notification_type=notification_type,
        deliver=Deliver(
            claims=RedisClaims(
                redis,
                digests=digests,
                hourly_limit=settings.recipient_hourly_limit,
                lease_seconds=_TEMPLATE_SERVICE_SECONDS
                + settings.attempt_seconds
                + settings.lease_margin_seconds,
            ),
            renderer=TemplateRenderer(
                ServiceClient("template-service", templates, metrics=metrics), compile_version
            ),
            providers=chain,
            reports=reports,
            digests=digests,
            chances=Chances(jitter=lambda: chance.uniform(-1, 1)),
            metrics=delivery_metrics,
            backoff_seconds=settings.retry_backoff_seconds,
            failpoints=failpoints,
        ),
        providers=chain,
        reports=reports,
        concurrency=settings.concurrency,
        metrics=delivery_metrics,
        failpoints=failpoints,
    )
    watchdog = Watchdog(
        worker.subscriber,
        received=lambda: worker.received,
        could_receive=lambda: worker.could_receive,
        seconds=settings.watchdog_seconds,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as closing:
            closing.push_async_callback(_close, "redis", redis.aclose)
            closing.push_async_callback(_close, "template-service", templates.aclose)
            closing.push_async_callback(_close, "providers", chain.close)
            closing.push_async_callback(publisher.close)
            closing.push_async_callback(_close, "breakers", chain.stop)
            closing.push_async_callback(worker.stop)
            closing.push_async_callback(watchdog.stop)
            publisher.start()
            await chain.start()
            worker.start()
            watchdog.start()
            yield

    return create_app(
        service=service,
        version=version,
        description=description,
        checks={
            "rabbitmq": publisher.check,
            "lanes": worker.subscriber.check,
            "redis": lambda: _check_writes(redis, service),
            "breakers": chain.check,
        },
        metrics=metrics,
        lifespan=lifespan,
        routers=[status_router, *routers],
        max_body_bytes=MAX_REPORT_BYTES,
        authenticate=Authenticator(service_tokens=parse_service_tokens(tokens) if tokens else None),
        state={"publish_outcomes": OutcomePublisher(publisher), **(state or {})},
    )


async def _check_writes(redis: "Redis", service: str) -> None:
    """Raise when Redis takes no claims: it does not answer, or is out of memory."""
    await redis.set(f"worker:{service}:alive", int(time.time()), ex=_ALIVE_SECONDS)


async def _close(what: str, close: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(_CLOSE_SECONDS):
            await close()
    except TimeoutError:
        _log.warning("worker.close_abandoned", connection=what)
