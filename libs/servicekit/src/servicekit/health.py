"""Liveness without I/O, readiness with the state and latency of each dependency."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

import orjson
from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict
from pydantic.config import JsonDict
from starlette.responses import Response

_ALIVE: Final[JsonDict] = {
    "status": "healthy",
    "service": "api-gateway",
    "timestamp": "2026-12-01T12:00:00Z",
    "version": "0.1.0",
}
_READY: Final[JsonDict] = {
    **{name: value for name, value in _ALIVE.items() if name != "status"},
    "ready": True,
    "checks": {"redis": {"status": "up", "latency_ms": 0.4}},
}
_NOT_READY: Final[JsonDict] = {
    **_READY,
    "ready": False,
    "checks": {"redis": {"status": "down", "error": "ConnectionError", "latency_ms": 0.9}},
}

Check = Callable[[], Awaitable[None]]
"""Raises when the dependency does not answer; its message says what is wrong."""

_CHECK_SECONDS = 2.0


class Alive(BaseModel):
    """The process runs."""

    model_config = ConfigDict(json_schema_extra={"example": _ALIVE})

    status: Literal["healthy"]
    service: str
    timestamp: datetime
    version: str


class Dependency(BaseModel):
    """One dependency, as it answered just now."""

    status: Literal["up", "down"]
    error: str | None = None
    latency_ms: float


class Readiness(BaseModel):
    """Whether requests can be served, and what each dependency has to do with it."""

    model_config = ConfigDict(json_schema_extra={"examples": [_READY, _NOT_READY]})

    ready: bool
    service: str
    timestamp: datetime
    version: str
    checks: dict[str, Dependency]


_READY_SUMMARY: Final = "Ready, and each dependency's state"
_LIVE_ANSWERS: dict[int | str, dict[str, Any]] = {200: {"model": Alive}}
_READY_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": Readiness, "description": "All dependencies answer."},
    503: {
        "description": "A dependency does not answer.",
        "content": {
            "application/json": {
                "schema": {"$ref": "#/components/schemas/Readiness"},
                "example": _NOT_READY,
            }
        },
    },
}


def health_router(service: str, version: str, checks: Mapping[str, Check]) -> APIRouter:
    """Routes of a service's health; they answer without the envelope, as probes expect.

    Args:
        service: Name of the service.
        version: Its version.
        checks: A check per dependency; readiness is 503 while one fails.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", responses=_LIVE_ANSWERS, summary="Alive")
    @router.get("/health/live", responses=_LIVE_ANSWERS, summary="Alive")
    async def live() -> Response:
        return _answer(
            200,
            {
                "status": "healthy",
                "service": service,
                "timestamp": _now(),
                "version": version,
            },
        )

    @router.get("/health/ready", responses=_READY_ANSWERS, summary=_READY_SUMMARY)
    @router.get("/health/readiness", responses=_READY_ANSWERS, summary=_READY_SUMMARY)
    async def ready() -> Response:
        results = await asyncio.gather(*(_run(check) for check in checks.values()))
        report = dict(zip(checks, results, strict=True))
        is_ready = all(result["status"] == "up" for result in results)
        return _answer(
            200 if is_ready else 503,
            {
                "ready": is_ready,
                "service": service,
                "timestamp": _now(),
                "version": version,
                "checks": report,
            },
        )

    return router


async def _run(check: Check) -> dict[str, object]:
    started = time.perf_counter()
    result: dict[str, object] = {"status": "up"}
    try:
        async with asyncio.timeout(_CHECK_SECONDS):
            await check()
    except TimeoutError:
        result = {"status": "down", "error": f"no answer within {_CHECK_SECONDS:g} s"}
    except Exception as error:
        result = {"status": "down", "error": type(error).__name__}
    result["latency_ms"] = round((time.perf_counter() - started) * 1000, 2)
    return result


def _now() -> str:
    return datetime.now(UTC).isoformat()


def _answer(status: int, body: dict[str, object]) -> Response:
    return Response(orjson.dumps(body), status, media_type="application/json")
