"""The whole application, called in process, on real servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr
from samples import PASSWORD, SUPPRESSION_KEY, new_private_key, unused_email

from contracts.access import Scope
from user_service.bootstrap import build_app
from user_service.settings import Settings

CALLERS = ("api-gateway", "template-service", "email-service", "push-service", "stranger-service")
NO_BROKER = "amqp://127.0.0.1:1/"


def shown_by(service: str) -> dict[str, str]:
    """The headers of a call by one of our services."""
    return {"X-Service-Token": f"{service}:token-of-{service}"}


def redis_apart_url(redis_url: str) -> str:
    """Where `redis_apart` is."""
    return urlsplit(redis_url)._replace(path="/1").geturl()


@dataclass(frozen=True)
class RunningApp:
    client: httpx.AsyncClient

    async def sign_in(self, email: str, password: str) -> dict[str, str]:
        """Headers of a call by a person."""
        answer = await self.client.post(
            "/api/v1/auth/login", json={"email": email, "password": password}
        )
        assert answer.status_code == 200, answer.text
        return {"Authorization": f"Bearer {answer.json()['data']['token']}"}

    async def create_key(self, admin: dict[str, str], *scopes: Scope) -> dict[str, str]:
        """Headers of a call by an application."""
        answer = await self.client.post(
            "/api/v1/api-keys", json={"name": "tests", "scopes": list(scopes)}, headers=admin
        )
        assert answer.status_code == 201, answer.text
        return {"X-API-Key": answer.json()["data"]["key"]}

    async def create_user(self, writer: dict[str, str], **fields: Any) -> dict[str, Any]:
        """A user who can sign in with `PASSWORD`, as the answer shows them."""
        body = {"name": "Ann", "email": unused_email(), "password": PASSWORD, **fields}
        answer = await self.client.post("/api/v1/users", json=body, headers=writer)
        assert answer.status_code == 201, answer.text
        user: dict[str, Any] = answer.json()["data"]
        return user


@asynccontextmanager
async def running_app(
    *,
    database_url: str,
    redis_url: str,
    amqp_url: str = NO_BROKER,
    admin_email: str | None = None,
    admin_password: str | None = None,
) -> AsyncIterator[RunningApp]:
    """Enter the lifespan, which ASGITransport leaves out.

    Usually without a broker: else it would consume what tests of the consumer publish.
    """
    app = build_app(
        Settings(
            environment="development",
            database_url=SecretStr(database_url),
            redis_url=SecretStr(redis_url),
            amqp_url=SecretStr(amqp_url),
            suppression_key=SecretStr(SUPPRESSION_KEY),
            jwt_private_key=SecretStr(new_private_key()),
            service_tokens=SecretStr(",".join(f"{name}:token-of-{name}" for name in CALLERS)),
            admin_email=admin_email,
            admin_password=SecretStr(admin_password) if admin_password else None,
        )
    )
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://user-service") as client,
    ):
        yield RunningApp(client)
