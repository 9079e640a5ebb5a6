"""What the gateway decides many notifications by, asked for at once."""

from typing import Any
from uuid import uuid4

import httpx
import pytest
from running_app import RunningApp, shown_by
from samples import email_digest, new_user
from sqlalchemy import event, func, insert

from contracts.snapshot_questions import MOST_SNAPSHOTS
from contracts.user_snapshot import UserSnapshot
from servicekit.database import Database
from user_service.adapters.postgres_users import PostgresUsers
from user_service.adapters.tables import users

PATH = "/api/v1/users"
GATEWAY = shown_by("api-gateway")


async def ask(client: httpx.AsyncClient, *user_ids: object) -> list[UserSnapshot]:
    question = {"user_ids": [str(user_id) for user_id in user_ids]}
    answer = await client.post(f"{PATH}/snapshots", json=question, headers=GATEWAY)
    assert answer.status_code == 200, answer.text
    return [UserSnapshot.model_validate(each) for each in answer.json()["data"]]


async def test_many_snapshots_are_those_that_are_answered_one_by_one(
    app: RunningApp, writer: dict[str, str]
) -> None:
    suppressed = await app.create_user(writer, push_token="token")
    plain = await app.create_user(writer, language="de", preferences={"push": False})
    answer = await app.client.post(
        "/api/v1/suppressions", json={"email": suppressed["email"]}, headers=writer
    )
    assert answer.status_code < 300
    one_by_one = {}
    for user in (suppressed, plain):
        answer = await app.client.get(f"{PATH}/{user['id']}/snapshot", headers=GATEWAY)
        snapshot = UserSnapshot.model_validate(answer.json()["data"])
        one_by_one[snapshot.user_id] = snapshot
    many = await ask(app.client, suppressed["id"], plain["id"])
    assert {snapshot.user_id: snapshot for snapshot in many} == one_by_one
    assert sorted(snapshot.email_suppressed or "" for snapshot in many) == ["", "manual"]
    assert sorted(len(snapshot.devices) for snapshot in many) == [0, 1]


async def test_who_does_not_exist_is_left_out_and_who_is_named_twice_comes_once(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    assert await ask(app.client, uuid4()) == []
    found = await ask(app.client, user["id"], uuid4(), user["id"].upper())
    assert [str(snapshot.user_id) for snapshot in found] == [user["id"]]


async def test_a_thousand_users_are_one_query(
    client: httpx.AsyncClient, database: Database
) -> None:
    statements: list[str] = []

    def note(_: object, __: object, statement: str, *___: object) -> None:
        statements.append(statement)

    stored = [new_user() for _ in range(MOST_SNAPSHOTS)]
    async with database.transaction() as connection:
        values = {
            "name": "Ann",
            "is_active": True,
            "role": "user",
            "row_version": 1,
            "language": "en",
            "timezone": "UTC",
            "email_enabled": True,
            "push_enabled": True,
            "created_at": func.now(),
            "updated_at": func.now(),
        }
        await connection.execute(
            insert(users).values([{**values, "id": one.id, "email": one.email} for one in stored])
        )
    ids = [one.id for one in stored]
    event.listen(database.engine.sync_engine, "before_cursor_execute", note)
    try:
        found = await PostgresUsers(database, email_digest).find_many(ids)
    finally:
        event.remove(database.engine.sync_engine, "before_cursor_execute", note)
    assert {one.id for one in found} == set(ids)
    assert len(statements) == 1
    assert {snapshot.user_id for snapshot in await ask(client, *ids)} == set(ids)
    async with database.transaction() as connection:
        await connection.execute(users.delete().where(users.c.id.in_(ids)))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "user_ids"),
        ({"user_ids": []}, "user_ids"),
        ({"user_ids": [str(uuid4())] * (MOST_SNAPSHOTS + 1)}, "user_ids"),
        ({"user_ids": None}, "user_ids"),
        ({"user_ids": [str(uuid4()), "not-a-uuid"]}, "user_ids.1"),
        ({"user_ids": [5]}, "user_ids.0"),
        ({"user_ids": [str(uuid4())], "codes": []}, "codes"),
        ([], "body"),
    ],
)
async def test_a_question_that_is_not_valid_names_the_field(
    client: httpx.AsyncClient, body: Any, field: str
) -> None:
    answer = await client.post(f"{PATH}/snapshots", json=body, headers=GATEWAY)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
    assert [detail["field"] for detail in answer.json()["details"]] == [field]
