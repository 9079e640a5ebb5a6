"""Liveness without I/O, readiness with the state and latency of each dependency."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime

import orjson
from fastapi import APIRouter
from starlette.responses import Response

Check = Callable[[], Awaitable[None]]
"""Raises when the dependency does not answer; its message says what is wrong."""

_CHECK_SECONDS = 2.0


def health_router(service: str, version: str, checks: Mapping[str, Check]) -> APIRouter:
    """Routes of a service's health; they answer without the envelope, as probes expect.

    Args:
        service: Name of the service.
        version: Its version.
        checks: A check per dependency; readiness is 503 while one fails.
    """
    router = APIRouter(tags=["health"])

    @router.get("/health", summary="Alive")
    @router.get("/health/live", summary="Alive")
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

    @router.get("/health/ready", summary="Ready, and each dependency's state")
    @router.get("/health/readiness", summary="Ready, and each dependency's state")
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
