"""An application with one route per behaviour, and a client that talks to it without a network."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from fastapi import APIRouter, Depends, FastAPI, Query
from pydantic import BaseModel, ConfigDict

from contracts.access import Scope
from contracts.envelope import Envelope
from servicekit.access import Allow, CallerKind, Credentials, Principal
from servicekit.app import create_app
from servicekit.correlation import current_correlation_id, current_traceparent
from servicekit.errors import ServiceError, UnauthenticatedError
from servicekit.health import Check
from servicekit.json_route import JsonRoute
from servicekit.metrics import Metrics
from servicekit.pagination import PageQuery
from servicekit.responses import ok, page_of


class Order(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    amount: int


class Surprise(Exception):  # noqa: N818 - not one of the service's errors
    pass


PUBLIC: dict[str, Any] = {"openapi_extra": {"x-access": "public"}}


def make_router(error: ServiceError | None = None) -> APIRouter:
    router = APIRouter(prefix="/things", route_class=JsonRoute)

    @router.get("/ids/{delay}", **PUBLIC)
    async def ids(delay: float) -> Envelope[list[str | None]]:
        before = current_correlation_id()
        await asyncio.sleep(delay)
        return ok([before, current_correlation_id(), current_traceparent()], "Ids.")

    @router.post("", **PUBLIC)
    async def create(order: Order, limit: Annotated[int, Query(le=5)] = 1) -> Envelope[Order]:
        return ok(order, "Created.")

    @router.get("", **PUBLIC)
    async def listing(query: Annotated[PageQuery, Depends()]) -> Envelope[list[int]]:
        return page_of([query.offset], total=25, query=query, message="Things.")

    @router.get("/crash", **PUBLIC)
    async def crash() -> None:
        msg = "the password is hunter2"
        raise Surprise(msg)

    @router.get("/error", **PUBLIC)
    async def fail() -> None:
        assert error is not None
        raise error

    @router.get("/admin")
    async def admin(caller: Annotated[Principal, Depends(Allow())]) -> Envelope[str]:
        return ok(caller.caller_id, "Yes.")

    @router.get("/send")
    async def send(
        caller: Annotated[Principal, Depends(Allow(scope=Scope.NOTIFICATIONS_SEND))],
    ) -> Envelope[str]:
        return ok(caller.caller_id, "Yes.")

    return router


class KnownCallers:
    """Recognises an application by the word that it sends as its key."""

    async def __call__(self, credentials: Credentials) -> Principal:
        scopes = {"sender": {Scope.NOTIFICATIONS_SEND}, "root": {Scope.ADMIN}, "none": set()}
        if credentials.api_key not in scopes:
            msg = "Who are you?"
            raise UnauthenticatedError(msg, headers={"WWW-Authenticate": "Bearer"})
        return Principal(
            CallerKind.APPLICATION, credentials.api_key, frozenset(scopes[credentials.api_key])
        )


@asynccontextmanager
async def nothing_to_open(app: FastAPI) -> AsyncIterator[None]:
    yield


class AppFactory:
    """Builds applications that differ in what a test is about."""

    def __init__(self) -> None:
        self.metrics = Metrics()

    def __call__(
        self,
        *,
        routers: tuple[APIRouter, ...] | None = None,
        checks: Mapping[str, Check] | None = None,
        error: ServiceError | None = None,
        authenticate: KnownCallers | None = None,
        larger_bodies: Mapping[str, int] | None = None,
    ) -> FastAPI:
        return create_app(
            service="test-service",
            version="1.2.3",
            description="For tests.",
            routers=routers if routers is not None else (make_router(error),),
            checks=checks or {},
            metrics=self.metrics,
            lifespan=nothing_to_open,
            authenticate=authenticate,
            larger_bodies=larger_bodies,
        )


@pytest.fixture
def make_app() -> AppFactory:
    return AppFactory()


def client_of(app: FastAPI) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test")


@pytest.fixture
async def client(make_app: AppFactory) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(make_app(authenticate=KnownCallers())) as opened:
        yield opened


@pytest.fixture
def connect_to() -> Any:
    return client_of
