"""The whole gateway, called in process, on real servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from loopback_services import SERVICE_TOKEN

from api_gateway.bootstrap import build_app, build_relay
from api_gateway.settings import RelaySettings, Settings

PATH = "/api/v1/notifications"


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
                **settings,
            }
        )
    )
    async with app.router.lifespan_context(app), _client(app) as client:
        yield client


@asynccontextmanager
async def running_relay(*, database_url: str, amqp_url: str) -> AsyncIterator[httpx.AsyncClient]:
    app = build_relay(
        RelaySettings.model_validate(
            {"environment": "development", "database_url": database_url, "amqp_url": amqp_url}
        )
    )
    async with app.router.lifespan_context(app), _client(app) as client:
        yield client


def _client(app: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api-gateway")
