"""One whole system for all tests here, on ports and in a folder of its own."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

# The private Postfix is the email-service's, whose tests run alone too.
sys.path.insert(0, str(Path(__file__).parents[2] / "email-service" / "tests"))

from devstack.addresses import ADMIN_EMAIL
from devstack.stack import Stack
from devstack.system_client import SystemClient
from devstack.tour import create_demo_templates

CHECKOUT = Path(__file__).parents[2]

# A claim of a killed worker is waited for no longer than this, or the tests would take minutes.
QUICK_LEASES = {"ATTEMPT_SECONDS": "5", "LEASE_MARGIN_SECONDS": "2"}


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Everything, started once and restarted where a test breaks it."""
    home = CHECKOUT / ".devstack" / "e2e"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack = Stack(
        home,
        CHECKOUT,
        overrides={"email-service": QUICK_LEASES, "push-service": QUICK_LEASES},
        say=print,
    )
    await stack.start()
    stack.watch()
    try:
        yield stack
    finally:
        await stack.stop()


@pytest.fixture(scope="session")
async def system(stack: Stack) -> AsyncIterator[SystemClient]:
    """A client with an API key of all scopes; the demo templates are there."""
    async with stack.client() as http:
        client = SystemClient(http, stack.addresses.system_urls)
        await client.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "e2e")
        await create_demo_templates(client, CHECKOUT)
        yield client


@pytest.fixture(autouse=True)
async def whole(stack: Stack, system: SystemClient) -> AsyncIterator[None]:
    """After each test everything runs and nothing fails on command any more."""
    yield
    await system.set_failures("smtp", [])
    await system.set_failures("fcm", [])
    for server in (stack.servers.postgres, stack.servers.redis, stack.servers.rabbitmq):
        server.thaw()
        await server.start()
    await stack.ready()


@pytest.fixture
async def user(system: SystemClient) -> dict[str, Any]:
    """A new user with an address and a device that nobody else has."""
    name = uuid4().hex[:12]
    return await system.create_user(
        name="Grace Hopper",
        email=f"grace.{name}@example.com",
        push_token=f"device-{name}",
        preferences={"email": True, "push": True},
    )


@pytest.fixture
def welcome(user: dict[str, Any]) -> dict[str, Any]:
    """The body of a request for the welcome email to that user."""
    return {
        "notification_type": "email",
        "user_id": user["user_id"],
        "template_code": "welcome_email",
        "variables": {"name": "Grace", "link": "https://example.com/start"},
        "request_id": f"req-{uuid4().hex}",
    }
