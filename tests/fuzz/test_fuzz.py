"""Whatever is sent to a service, its answer is one that its OpenAPI document names."""

import json
from pathlib import Path
from typing import Any

import pytest
from tests.fuzz.plan import SHARES, Plan
from tests.fuzz.schemathesis_run import Report, fuzz
from tests.fuzz.world import World

from devstack.stack import Stack


@pytest.mark.parametrize("service", SHARES)
async def test_every_answer_of_a_service_is_as_documented(
    service: str, stack: Stack, world: World, plan: Plan, reports: list[Report]
) -> None:
    folder = stack.home / "reports"
    report = await fuzz(service, stack.addresses.url(service), world, plan, folder)
    reports.append(report)
    assert report.passed, f"{report.output}\n{plan.repeat()}"


async def test_nobody_died_of_it(stack: Stack, reports: list[Report]) -> None:
    assert reports
    await stack.ready()
    assert [name for name, process in stack.services.items() if process.pid is None] == []


async def test_an_answer_that_is_not_documented_is_found(
    stack: Stack, world: World, plan: Plan, tmp_path: Path
) -> None:
    url = stack.addresses.url("push-service")
    async with stack.client() as client:
        document: dict[str, Any] = (await client.get(f"{url}/openapi.json")).json()
    del document["paths"]["/api/v1/status"]["post"]["responses"]["422"]
    lying = tmp_path / "openapi.json"
    lying.write_text(json.dumps(document))
    short = Plan(plan.seed, None)
    report = await fuzz("push-service", url, world, short, tmp_path / "reports", lying)
    assert not report.passed
    assert report.titles() == {"Undocumented status code"}
