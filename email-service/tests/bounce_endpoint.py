"""The endpoint for bounces, served as in production, with a broker that can be taken away."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import uvicorn
from bounce_reports import SEAL
from email_deliveries import NOON
from fastapi import FastAPI

from contracts.outcome import DeliveryOutcome
from email_service.api import bounces
from email_service.usecases.record_bounce import RecordBounce
from servicekit.app import create_app
from servicekit.authentication import Authenticator
from servicekit.errors import UnavailableError
from servicekit.http_protocol import BoundedHttpProtocol
from servicekit.metrics import Metrics

TOKEN = "mta:shown-by-the-mail-server"
PATH = "/api/v1/providers/smtp/bounces"


@dataclass
class BounceEndpoint:
    """What has been published, and where to post.

    Attributes:
        away: The broker takes nothing.
        arrived: Set by every publication.
    """

    outcomes: list[DeliveryOutcome] = field(default_factory=list)
    away: bool = False
    port: int = 0
    arrived: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}{PATH}"

    async def publish(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        if self.away:
            raise UnavailableError("The broker does not take events now.")
        self.outcomes.extend(outcomes)
        self.arrived.set()


@asynccontextmanager
async def nothing_to_open(_: FastAPI) -> AsyncIterator[None]:
    yield


@asynccontextmanager
async def bounce_endpoint() -> AsyncIterator[BounceEndpoint]:
    endpoint = BounceEndpoint()
    app = create_app(
        service="email-service",
        version="0.1.0",
        description="Bounces only.",
        routers=[bounces.router],
        checks={},
        metrics=Metrics(),
        lifespan=nothing_to_open,
        authenticate=Authenticator(service_tokens={"mta": TOKEN.partition(":")[2], "x": "y"}),
        state={
            "record_bounce": RecordBounce(SEAL, lambda: NOON),
            "publish_outcomes": endpoint.publish,
        },
    )
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=BoundedHttpProtocol, ws="none", log_config=None
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    try:
        while not server.started:
            assert not serving.done()
            await asyncio.sleep(0.01)
        endpoint.port = server.servers[0].sockets[0].getsockname()[1]
        yield endpoint
    finally:
        server.should_exit = True
        await serving
