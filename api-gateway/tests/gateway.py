"""The whole gateway, called in process, on real servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from loopback_services import SERVICE_TOKEN

from api_gateway.bootstrap import build_app, build_relay
from api_gateway.settings import RelaySettings, Settings

PATH = "/api/v1/notifications"
NOWHERE = "127.0.0.1:1"
CALLERS = {
    name: f"{name}:token-of-{name}"
    for name in ("email-service", "push-service", "template-service")
}
"""The token of each service that the gateway recognises."""


@asynccontextmanager
async def running_gateway(
    *, database_url: str, redis_url: str, amqp_url: str, services_url: str, **settings: Any
) -> AsyncIterator[httpx.AsyncClient]:
    """Enter the lifespan, which ASGITransport leaves out."""
    app = build_app(
        Settings.model_validate(
            {
                "environment": "development",
                "database_url": database_url,
                "redis_url": redis_url,
                "amqp_url": amqp_url,
                "user_service_url": services_url,
                "template_service_url": services_url,
                "service_token": SERVICE_TOKEN,
                "service_tokens": ",".join(CALLERS.values()),
                **settings,
            }
        )
    )
    async with app.router.lifespan_context(app), _client(app) as client:
        yield client


@asynccontextmanager
async def running_relay(
    *,
    database_url: str,
    amqp_url: str,
    redis_url: str = f"redis://{NOWHERE}/0",
    services_url: str = f"http://{NOWHERE}",
) -> AsyncIterator[httpx.AsyncClient]:
    """Redis and the services are needed to release what was scheduled only."""
    app = build_relay(
        RelaySettings.model_validate(
            {
                "environment": "development",
                "database_url": database_url,
                "redis_url": redis_url,
                "amqp_url": amqp_url,
                "user_service_url": services_url,
                "template_service_url": services_url,
                "service_token": SERVICE_TOKEN,
            }
        )
    )
    async with app.router.lifespan_context(app), _client(app) as client:
        yield client


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api-gateway")
