"""What the gateway decides many notifications by, asked for at once."""

from typing import Any

import httpx
import pytest
from running_app import CALLERS, MakeKey, shown_by
from samples import new_template, unused_code
from sqlalchemy import event

from contracts.access import Scope
from contracts.snapshot_questions import MOST_SNAPSHOTS
from contracts.template_snapshot import TemplateSnapshot
from servicekit.database import Database
from template_service.adapters.postgres_templates import PostgresTemplates

PATH = "/api/v1/templates"
FLAT = {"subject": "Hi {{name}}", "body": "<p>Hi</p>"}
GATEWAY = shown_by("api-gateway")


async def ask(client: httpx.AsyncClient, *codes: str) -> list[TemplateSnapshot]:
    answer = await client.post(f"{PATH}/snapshots", json={"codes": codes}, headers=GATEWAY)
    assert answer.status_code == 200, answer.text
    return [TemplateSnapshot.model_validate(each) for each in answer.json()["data"]]


async def create(client: httpx.AsyncClient, writer: dict[str, str], code: str) -> str:
    answer = await client.post(PATH, json={"code": code, **FLAT}, headers=writer)
    assert answer.status_code == 201, answer.text
    return code


async def test_many_snapshots_are_those_that_are_answered_one_by_one(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    codes = [await create(client, writer, unused_code()) for _ in range(3)]
    german = {**FLAT, "language": "de"}
    assert (await client.put(f"{PATH}/{codes[0]}", json=german, headers=writer)).status_code == 200
    one_by_one = {}
    for code in codes:
        answer = await client.get(f"{PATH}/{code}/snapshot", headers=GATEWAY)
        one_by_one[code] = TemplateSnapshot.model_validate(answer.json()["data"])
    many = await ask(client, *codes, unused_code(), "Not A Code", "a\nb", codes[0])
    assert {snapshot.code: snapshot for snapshot in many} == one_by_one
    assert len(many) == 3
    assert set(one_by_one[codes[0]].languages) == {"en", "de"}
    assert await ask(client, unused_code(), "Not A Code") == []


async def test_many_templates_are_one_query(client: httpx.AsyncClient, database: Database) -> None:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    templates = PostgresTemplates(database)
    stored = [new_template() for _ in range(20)]
    for new in stored:
        await templates.create(new)
    codes = {new.template.code for new in stored}
    asked = [*codes, *(unused_code() for _ in range(MOST_SNAPSHOTS - len(codes)))]
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        found = await templates.find_many(asked)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert {template.code for template in found} == codes
    assert len(statements) == 1
    assert {snapshot.code for snapshot in await ask(client, *asked)} == codes


async def test_a_template_may_be_called_snapshots(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    await create(client, writer, "snapshots")
    answer = await client.put(f"{PATH}/snapshots", json={**FLAT, "subject": "New"}, headers=writer)
    assert answer.json()["data"]["version"] == 2
    answer = await client.get(f"{PATH}/snapshots", headers=writer)
    assert answer.json()["data"]["subject"] == "New"
    assert [snapshot.code for snapshot in await ask(client, "snapshots")] == ["snapshots"]


async def test_only_the_gateway_may_ask(
    client: httpx.AsyncClient, writer: dict[str, str], application: MakeKey
) -> None:
    question = {"codes": [unused_code()]}
    for service in CALLERS:
        answer = await client.post(f"{PATH}/snapshots", json=question, headers=shown_by(service))
        assert answer.status_code == (200 if service == "api-gateway" else 403)
    for headers in (writer, await application(Scope.ADMIN)):
        answer = await client.post(f"{PATH}/snapshots", json=question, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "codes"),
        ({"codes": []}, "codes"),
        ({"codes": ["x"] * (MOST_SNAPSHOTS + 1)}, "codes"),
        ({"codes": "x"}, "codes"),
        ({"codes": ["x", 5]}, "codes.1"),
        ({"codes": ["x"], "user_ids": []}, "user_ids"),
        ([], "body"),
    ],
)
async def test_a_question_that_is_not_valid_names_the_field(
    client: httpx.AsyncClient, body: Any, field: str
) -> None:
    answer = await client.post(f"{PATH}/snapshots", json=body, headers=GATEWAY)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
