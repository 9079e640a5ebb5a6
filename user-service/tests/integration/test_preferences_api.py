"""What users want to be told, over HTTP: who may change it, what is refused, when it counts."""

import secrets
from typing import Any
from uuid import uuid4

import httpx
import pytest
from redis.asyncio import Redis
from running_app import RunningApp, shown_by
from samples import PASSWORD

from contracts.access import Scope
from contracts.cache_keys import CATEGORIES_KEY, user_key
from contracts.category import BUILT_IN, CategoryCatalogue
from contracts.user_snapshot import UserSnapshot
from servicekit.versioned_cache import VersionedCache

CATEGORIES = "/api/v1/categories"


def path_of(user: dict[str, Any]) -> str:
    return f"/api/v1/users/{user['id']}/preferences"


async def test_who_has_chosen_nothing_gets_what_is_the_default(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    answer = await app.client.get(path_of(user), headers=writer)
    assert answer.status_code == 200
    shown = answer.json()["data"]
    assert (shown["email"], shown["push"]) == (True, True)
    assert (shown["categories"], shown["quiet_hours"]) == ({}, None)
    effective = {one["code"]: one for one in shown["effective"]}
    assert effective["marketing"] == {
        "code": "marketing",
        "name": "News and offers",
        "default": "opted_in",
        "email": True,
        "push": True,
    }
    assert {one.code for one in BUILT_IN.categories} <= effective.keys()


async def test_a_put_replaces_everything_and_a_patch_what_it_names(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    quiet = {"start": "22:00", "end": "07:30", "timezone": "Europe/Berlin"}
    put = await app.client.put(
        path_of(user),
        json={
            "push": False,
            "categories": {"marketing": {"email": False}, "order": {"push": True}},
            "quiet_hours": quiet,
        },
        headers=writer,
    )
    assert put.status_code == 200
    shown = put.json()["data"]
    assert (shown["email"], shown["push"], shown["quiet_hours"]) == (True, False, quiet)
    assert shown["categories"] == {
        "marketing": {"email": False, "push": None},
        "order": {"email": None, "push": True},
    }
    patched = await app.client.patch(
        path_of(user),
        json={"push": True, "categories": {"marketing": {"push": False}, "order": None}},
        headers=writer,
    )
    shown = patched.json()["data"]
    assert (shown["email"], shown["push"], shown["quiet_hours"]) == (True, True, quiet)
    assert shown["categories"] == {"marketing": {"email": False, "push": False}}
    cleared = await app.client.patch(path_of(user), json={"quiet_hours": None}, headers=writer)
    assert cleared.json()["data"]["quiet_hours"] is None
    again = await app.client.put(path_of(user), json={}, headers=writer)
    assert again.json()["data"]["categories"] == {}
    assert (await app.client.get(path_of(user), headers=writer)).json() == {
        **again.json(),
        "message": "The user's preferences.",
    }


async def test_what_was_read_can_be_put_again_and_changes_nothing(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    body = {"email": False, "categories": {"marketing": {"email": False}}}
    await app.client.put(path_of(user), json=body, headers=writer)
    shown = (await app.client.get(path_of(user), headers=writer)).json()["data"]
    del shown["effective"]
    again = await app.client.put(path_of(user), json=shown, headers=writer)
    assert again.status_code == 200
    user_now = await app.client.get(f"/api/v1/users/{user['id']}", headers=writer)
    snapshot = await app.client.get(
        f"/api/v1/users/{user['id']}/snapshot", headers=shown_by("api-gateway")
    )
    assert snapshot.json()["data"]["version"] == 2  # only the first put was one
    assert user_now.json()["data"]["preferences"] == {"email": False, "push": True}


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        (
            {"categories": {"security_alert": {"email": False}}},
            "categories.security_alert.email",
            "category_required",
        ),
        ({"categories": {"markting": {"email": False}}}, "categories.markting", "category_unknown"),
        ({"categories": {"marketing": {"email": "no"}}}, "categories.marketing.email", "bool_type"),
        ({"categories": {"marketing": {"sms": True}}}, "categories.marketing.sms", None),
        ({"categories": {"Marketing!": {"email": True}}}, "categories.Marketing!", None),
        ({"quiet_hours": {"start": "22:00"}}, "quiet_hours.end", "missing"),
        ({"quiet_hours": {"start": "22:00", "end": "7:00"}}, "quiet_hours.end", "time_of_day"),
        ({"quiet_hours": {"start": "24:00", "end": "07:00"}}, "quiet_hours.start", "time_of_day"),
        ({"quiet_hours": {"start": 22, "end": "07:00"}}, "quiet_hours.start", "time_of_day"),
        ({"quiet_hours": {"start": "07:00", "end": "07:00"}}, "quiet_hours", "quiet_hours"),
        (
            {"quiet_hours": {"start": "22:00", "end": "07:00", "timezone": "Mars/Base"}},
            "quiet_hours.timezone",
            "timezone",
        ),
        ({"role": "admin"}, "role", "extra_forbidden"),
        ({"email": None}, "email", "bool_type"),
    ],
)
async def test_what_cannot_be_chosen_is_refused_with_its_field_and_changes_nothing(
    app: RunningApp, writer: dict[str, str], body: dict[str, Any], field: str, code: str | None
) -> None:
    user = await app.create_user(writer)
    before = (await app.client.get(path_of(user), headers=writer)).json()["data"]
    for call in (app.client.put, app.client.patch):
        answer = await call(path_of(user), json=body, headers=writer)
        assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")
        detail = answer.json()["details"][0]
        assert detail["field"].startswith(field)
        if code is not None:
            assert detail["code"] == code
    assert (await app.client.get(path_of(user), headers=writer)).json()["data"] == before


async def test_the_gateway_knows_when_the_answer_comes(
    app: RunningApp, writer: dict[str, str], redis: "Redis"
) -> None:
    user = await app.create_user(writer)
    body = {"categories": {"marketing": {"email": False}}}
    await app.client.patch(path_of(user), json=body, headers=writer)
    cached = await VersionedCache(redis, UserSnapshot).get(user_key(user["id"]))
    assert cached is not None
    choice = cached.value.categories["marketing"]
    assert (choice.email, choice.push) == (False, None)


async def test_people_read_and_change_their_own_only(
    app: RunningApp, writer: dict[str, str], admin: dict[str, str]
) -> None:
    user, other = await app.create_user(writer), await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    assert (await app.client.get(path_of(user), headers=themselves)).status_code == 200
    changed = await app.client.patch(path_of(user), json={"push": False}, headers=themselves)
    assert changed.json()["data"]["push"] is False
    reader = await app.create_key(admin, Scope.USERS_READ)
    for headers, expected in ((themselves, 404), (reader, 403)):
        for call in (app.client.put, app.client.patch):
            answer = await call(path_of(other), json={"push": False}, headers=headers)
            assert answer.status_code == expected
    assert (await app.client.get(path_of(other), headers=themselves)).status_code == 404
    assert (await app.client.get(path_of(other), headers=admin)).json()["data"]["push"] is True


async def test_an_unknown_user_has_no_preferences(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    for user_id in (str(uuid4()), "not-a-uuid"):
        path = f"/api/v1/users/{user_id}/preferences"
        for answer in (
            await client.get(path, headers=writer),
            await client.put(path, json={}, headers=writer),
            await client.patch(path, json={}, headers=writer),
        ):
            assert (answer.status_code, answer.json()["error"]) == (404, "user_not_found")


async def test_administrators_describe_categories_of_their_own(
    app: RunningApp, writer: dict[str, str], admin: dict[str, str], redis: "Redis"
) -> None:
    code = f"own_{secrets.token_hex(4)}"
    body = {"name": "Where your parcel is", "default": "opted_out"}
    created = await app.client.put(f"{CATEGORIES}/{code}", json=body, headers=admin)
    assert created.status_code == 201
    assert created.json()["data"] == {**body, "code": code, "is_urgent": False}
    user = await app.create_user(writer)
    shown = (await app.client.get(path_of(user), headers=writer)).json()["data"]["effective"]
    assert next(one for one in shown if one["code"] == code)["email"] is False
    opted_in = await app.client.patch(
        path_of(user), json={"categories": {code: {"email": True}}}, headers=writer
    )
    shown = opted_in.json()["data"]["effective"]
    assert next(one for one in shown if one["code"] == code)["email"] is True

    changed = await app.client.put(
        f"{CATEGORIES}/{code}", json={**body, "default": "required"}, headers=admin
    )
    assert changed.status_code == 200
    cached = await VersionedCache(redis, CategoryCatalogue).get(CATEGORIES_KEY)
    asked = await app.client.get(f"{CATEGORIES}/catalogue", headers=shown_by("api-gateway"))
    assert cached is not None
    assert CategoryCatalogue.model_validate(asked.json()["data"]) == cached.value
    described = cached.value.find(code)
    assert described is not None
    assert described.default == "required"
    listed = await app.client.get(CATEGORIES, headers=writer)
    assert code in [one["code"] for one in listed.json()["data"]]

    removed = await app.client.delete(f"{CATEGORIES}/{code}", headers=admin)
    assert removed.json()["data"]["code"] == code
    again = await app.client.delete(f"{CATEGORIES}/{code}", headers=admin)
    assert (again.status_code, again.json()["error"]) == (404, "not_found")
    cached = await VersionedCache(redis, CategoryCatalogue).get(CATEGORIES_KEY)
    assert cached is not None
    assert cached.value.find(code) is None


async def test_what_is_built_in_stays(client: httpx.AsyncClient, admin: dict[str, str]) -> None:
    answer = await client.delete(f"{CATEGORIES}/password_reset", headers=admin)
    assert (answer.status_code, answer.json()["error"]) == (409, "conflict")


@pytest.mark.parametrize("code", ["Marketing", "a-b", "x" * 51, "1st", "a%00b"])
async def test_a_category_has_a_plain_code(
    client: httpx.AsyncClient, admin: dict[str, str], code: str
) -> None:
    answer = await client.put(
        f"{CATEGORIES}/{code}", json={"name": "x", "default": "opted_in"}, headers=admin
    )
    assert answer.status_code == 422


async def test_only_administrators_describe_categories(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    body = {"name": "x", "default": "required"}
    for headers in (writer, themselves):
        for answer in (
            await app.client.put(f"{CATEGORIES}/marketing", json=body, headers=headers),
            await app.client.delete(f"{CATEGORIES}/marketing", headers=headers),
        ):
            assert answer.status_code == 403
    assert (await app.client.get(CATEGORIES, headers=themselves)).status_code == 200
    assert (await app.client.get(f"{CATEGORIES}/catalogue", headers=writer)).status_code == 403
