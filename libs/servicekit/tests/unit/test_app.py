"""Routing, pages, health and metrics of an application."""

import asyncio
import time
from collections.abc import Callable

import httpx
import pytest
from fastapi import FastAPI

MakeApp = Callable[..., FastAPI]
ConnectTo = Callable[[FastAPI], httpx.AsyncClient]


@pytest.mark.parametrize("path", ["/api/v1/things", "/health", "/api/v1/health/ready", "/metrics"])
async def test_answers_with_and_without_a_trailing_slash(
    path: str, client: httpx.AsyncClient
) -> None:
    for variant in (path, f"{path}/"):
        assert (await client.get(variant)).status_code == 200


async def test_a_trailing_slash_costs_no_body(client: httpx.AsyncClient) -> None:
    answer = await client.post("/api/v1/things/", json={"name": "a", "amount": 1})
    assert answer.json()["data"] == {"name": "a", "amount": 1}


async def test_a_page_says_where_it_lies(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/v1/things?page=2&limit=10")
    assert answer.json()["data"] == [10]
    assert answer.json()["meta"] == {
        "total": 25, "limit": 10, "page": 2, "total_pages": 3, "has_next": True,
        "has_previous": True,
        "next_cursor": None,
    }  # fmt: skip


async def test_a_list_begins_with_ten(client: httpx.AsyncClient) -> None:
    meta = (await client.get("/api/v1/things")).json()["meta"]
    assert (meta["page"], meta["limit"]) == (1, 10)


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=101", "page=100001", "page=x"])
async def test_refuses_a_page_with(query: str, client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/v1/things?{query}")
    assert answer.status_code == 422
    assert answer.json()["details"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize("path", ["/health", "/health/live", "/api/v1/health"])
async def test_is_alive_whatever_its_dependencies_do(
    path: str, make_app: MakeApp, connect_to: ConnectTo
) -> None:
    async def down() -> None:
        raise ConnectionError

    async with connect_to(make_app(checks={"postgres": down})) as client:
        answer = await client.get(path)
    assert answer.status_code == 200
    body = answer.json()
    assert (body["status"], body["service"], body["version"]) == (
        "healthy", "test-service", "1.2.3"
    )  # fmt: skip


@pytest.mark.parametrize("path", ["/health/ready", "/health/readiness", "/api/v1/health/ready"])
async def test_names_the_dependency_that_is_down_without_its_secrets(
    path: str, make_app: MakeApp, connect_to: ConnectTo
) -> None:
    async def up() -> None:
        pass

    async def down() -> None:
        msg = "amqp://user:hunter2@broker"
        raise ConnectionError(msg)

    async with connect_to(make_app(checks={"postgres": up, "rabbitmq": down})) as client:
        answer = await client.get(path)
    assert answer.status_code == 503
    body = answer.json()
    assert body["ready"] is False
    assert body["checks"]["postgres"]["status"] == "up"
    assert body["checks"]["rabbitmq"]["status"] == "down"
    assert body["checks"]["rabbitmq"]["error"] == "ConnectionError"
    assert "hunter2" not in answer.text


async def test_is_ready_when_all_are_up(make_app: MakeApp, connect_to: ConnectTo) -> None:
    async def up() -> None:
        pass

    async with connect_to(make_app(checks={"redis": up})) as client:
        answer = await client.get("/health/ready")
    assert answer.status_code == 200
    assert answer.json()["checks"]["redis"]["latency_ms"] >= 0


async def test_slow_checks_are_bounded_and_run_side_by_side(
    make_app: MakeApp, connect_to: ConnectTo
) -> None:
    async def hangs() -> None:
        await asyncio.sleep(60)

    async with connect_to(make_app(checks={"redis": hangs, "postgres": hangs})) as client:
        started = time.monotonic()
        answer = await client.get("/health/ready")
    assert time.monotonic() - started < 3
    assert answer.status_code == 503
    assert answer.json()["checks"]["redis"]["error"] == "no answer within 2 s"


async def test_counts_by_the_template_of_a_route(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.get(f"/api/v1/things/ids/0.00{number}")
    text = (await client.get("/metrics")).text
    assert (
        'http_requests_total{method="GET",route="/api/v1/things/ids/{delay}",status="200"} 3.0'
        in text
    )
    assert "0.001" not in [
        line.split('route="')[1] for line in text.splitlines() if "route" in line
    ]


async def test_all_unknown_paths_share_one_label(client: httpx.AsyncClient) -> None:
    for number in range(3):
        await client.get(f"/wp-admin/{number}")
    text = (await client.get("/metrics")).text
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 3.0' in text
    assert "wp-admin" not in text


async def test_a_crash_and_a_refused_body_are_counted(client: httpx.AsyncClient) -> None:
    await client.get("/api/v1/things/crash")
    await client.post("/api/v1/things", content=b"x" * 300_000)
    text = (await client.get("/metrics")).text
    assert 'route="/api/v1/things/crash",status="500"} 1.0' in text
    assert 'status="413"} 1.0' in text
