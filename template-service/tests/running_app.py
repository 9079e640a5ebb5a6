"""The whole application, called in process, on real servers."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import httpx
from loopback_user_service import SERVICE_TOKEN
from pydantic import AnyHttpUrl, SecretStr

from template_service.bootstrap import build_app
from template_service.settings import Settings

MakeKey = Callable[..., Awaitable[dict[str, str]]]
"""Makes an API key with these scopes and returns the headers of a call with it."""

CALLERS = ("api-gateway", "email-service", "push-service", "user-service")


def shown_by(service: str) -> dict[str, str]:
    """The headers of a call by one of our services."""
    return {"X-Service-Token": f"{service}:token-of-{service}"}


@asynccontextmanager
async def running_app(
    *, database_url: str, redis_url: str, user_service_url: str
) -> AsyncIterator[httpx.AsyncClient]:
    """Enter the lifespan, which ASGITransport leaves out."""
    app = build_app(
        Settings(
            environment="development",
            database_url=SecretStr(database_url),
            redis_url=SecretStr(redis_url),
            user_service_url=AnyHttpUrl(user_service_url),
            service_token=SecretStr(SERVICE_TOKEN),
            service_tokens=SecretStr(",".join(f"{name}:token-of-{name}" for name in CALLERS)),
        )
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://template-service") as client,
    ):
        yield client
