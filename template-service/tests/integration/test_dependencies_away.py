import httpx
import pytest
from loopback_user_service import LoopbackUserService
from running_app import running_app, shown_by
from samples import unused_code
from structlog.testing import capture_logs

from contracts.access import Role

PATH = "/api/v1/templates"
FLAT = {"subject": "Hi", "body": "<p>Hi</p>"}


def at(port: int, scheme: str) -> str:
    return f"{scheme}://127.0.0.1:{port}/nothing"


async def test_without_redis_templates_are_still_published_and_readable(
    database_url: str,
    user_service: LoopbackUserService,
    unused_tcp_port: int,
) -> None:
    admin = {"Authorization": f"Bearer {user_service.access_token(Role.ADMIN)}"}
    code = unused_code()
    async with running_app(
        database_url=database_url,
        redis_url=f"redis://127.0.0.1:{unused_tcp_port}/0",
        user_service_url=user_service.url,
    ) as client:
        with capture_logs() as lines:
            created = await client.post(PATH, json={"code": code, **FLAT}, headers=admin)
        assert created.status_code == 201
        assert "template_snapshot.not_cached" in [line["event"] for line in lines]
        assert (await client.get(f"{PATH}/{code}", headers=admin)).status_code == 200
        ready = await client.get("/health/ready")
        assert ready.status_code == 503
        states = {name: check["status"] for name, check in ready.json()["checks"].items()}
        assert states == {"postgres": "up", "redis": "down"}


async def test_without_postgres_the_answer_is_503_with_retry_after(
    redis_url: str, user_service: LoopbackUserService, unused_tcp_port: int
) -> None:
    async with running_app(
        database_url=at(unused_tcp_port, "postgresql+asyncpg"),
        redis_url=redis_url,
        user_service_url=user_service.url,
    ) as client:
        answer = await client.get(f"{PATH}/x/snapshot", headers=shown_by("api-gateway"))
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
        assert (await client.get("/health/live")).status_code == 200
        ready = await client.get("/api/v1/health/readiness")
        assert ready.json()["checks"]["postgres"]["status"] == "down"


@pytest.mark.parametrize(
    "headers", [{"X-API-Key": "not-cached"}, {"Authorization": "Bearer placeholder"}]
)
async def test_without_user_service_strangers_are_told_to_come_back_and_services_served(
    database_url: str,
    redis_url: str,
    user_service: LoopbackUserService,
    unused_tcp_port: int,
    headers: dict[str, str],
) -> None:
    if "Authorization" in headers:
        headers = {"Authorization": f"Bearer {user_service.access_token(Role.ADMIN)}"}
    async with running_app(
        database_url=database_url,
        redis_url=redis_url,
        user_service_url=at(unused_tcp_port, "http"),
    ) as client:
        answer = await client.get(PATH, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (503, "dependency_unavailable")
        missing = await client.get(f"{PATH}/x/snapshot", headers=shown_by("api-gateway"))
        assert missing.status_code == 404


async def test_is_ready_when_postgres_and_redis_answer(client: httpx.AsyncClient) -> None:
    ready = await client.get("/health/ready/")
    assert ready.status_code == 200
    assert set(ready.json()["checks"]) == {"postgres", "redis"}
