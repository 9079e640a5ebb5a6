import asyncio
from uuid import uuid4

import httpx
from redis.asyncio import Redis
from running_app import RunningApp, shown_by
from samples import PASSWORD, unused_email

from contracts.cache_keys import user_key
from contracts.user_snapshot import UserSnapshot
from servicekit.versioned_cache import VersionedCache

PATH = "/api/v1/users"


async def test_a_created_user_is_answered_and_found(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    email = unused_email().replace("u", "U", 1)
    body = {
        "name": "John Doe",
        "email": email,
        "password": PASSWORD,
        "push_token": "token",
        "preferences": {"email": True, "push": False},
        "language": "PT-br",
        "timezone": "Europe/Berlin",
    }
    created = await client.post(f"{PATH}/", json=body, headers=writer)
    assert created.status_code == 201
    user = created.json()["data"]
    assert created.json()["success"] is True
    assert user["id"] == user["user_id"]
    assert user["created_at"] == user["updated_at"]
    shown = {key: value for key, value in user.items() if key not in {"id", "user_id"}}
    assert {k: v for k, v in shown.items() if k not in {"created_at", "updated_at"}} == {
        "name": "John Doe",
        "email": email,
        "push_token": "token",
        "preferences": {"email": True, "push": False},
        "language": "pt-BR",
        "timezone": "Europe/Berlin",
        "is_active": True,
        "role": "user",
    }
    found = await client.get(f"{PATH}/{user['id']}", headers=writer)
    assert found.json()["data"] == user


async def test_what_is_left_out_has_its_default(app: RunningApp, writer: dict[str, str]) -> None:
    answer = await app.client.post(
        PATH, json={"name": "Ann", "email": unused_email()}, headers=writer
    )
    user = answer.json()["data"]
    assert user["preferences"] == {"email": True, "push": True}
    assert (user["language"], user["timezone"], user["push_token"]) == ("en", "UTC", None)


async def test_of_two_requests_for_one_address_one_is_refused(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    email = unused_email()
    answers = await asyncio.gather(
        *(
            client.post(PATH, json={"name": "Ann", "email": address}, headers=writer)
            for address in (email, email.upper())
        )
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"] == "email_taken"


async def test_lists_page_by_page_newest_first(app: RunningApp, writer: dict[str, str]) -> None:
    created = [await app.create_user(writer) for _ in range(3)]
    answer = await app.client.get(PATH, params={"limit": 2}, headers=writer)
    assert answer.status_code == 200
    listed = [user["id"] for user in answer.json()["data"]]
    # rows of the adapter's own tests lie in the future, and come before all
    total = answer.json()["meta"]["total"]
    everybody = []
    for page in range(1, total // 100 + 2):
        whole = await app.client.get(PATH, params={"limit": 100, "page": page}, headers=writer)
        everybody += [user["id"] for user in whole.json()["data"]]
    assert everybody[:2] == listed
    assert len(everybody) == total
    ours = [user["id"] for user in created]
    assert [user_id for user_id in everybody if user_id in ours] == ours[::-1]
    meta = answer.json()["meta"]
    assert (meta["limit"], meta["page"], meta["has_previous"]) == (2, 1, False)


async def test_a_patch_changes_what_it_names(app: RunningApp, writer: dict[str, str]) -> None:
    user = await app.create_user(writer, push_token="token", preferences={"push": False})
    email = unused_email()
    answer = await app.client.patch(
        f"{PATH}/{user['id']}",
        json={
            "email": email,
            "push_token": None,
            "preferences": {"email": False},
            "is_active": False,
            "language": "de",
        },
        headers=writer,
    )
    assert answer.status_code == 200
    changed = answer.json()["data"]
    expected = {
        **user,
        "email": email,
        "push_token": None,
        "preferences": {"email": False, "push": False},
        "is_active": False,
        "language": "de",
        "updated_at": changed["updated_at"],
    }
    assert changed == expected
    assert changed["updated_at"] > user["updated_at"]
    assert (await app.client.get(f"{PATH}/{user['id']}", headers=writer)).json()["data"] == changed


async def test_a_patch_to_a_taken_address_is_refused(
    app: RunningApp, writer: dict[str, str]
) -> None:
    first, second = await app.create_user(writer), await app.create_user(writer)
    answer = await app.client.patch(
        f"{PATH}/{second['id']}", json={"email": first["email"].upper()}, headers=writer
    )
    assert (answer.status_code, answer.json()["error"]) == (409, "email_taken")


async def test_an_empty_patch_changes_nothing(app: RunningApp, writer: dict[str, str]) -> None:
    user = await app.create_user(writer)
    answer = await app.client.patch(f"{PATH}/{user['id']}", json={}, headers=writer)
    assert answer.json()["data"] == user


async def test_an_unknown_user_is_not_found(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    for user_id in (str(uuid4()), "not-a-uuid", "a%00b"):
        for answer in (
            await client.get(f"{PATH}/{user_id}", headers=writer),
            await client.patch(f"{PATH}/{user_id}", json={"name": "x"}, headers=writer),
            await client.get(f"{PATH}/{user_id}/snapshot", headers=shown_by("api-gateway")),
        ):
            assert (answer.status_code, answer.json()["error"]) == (404, "user_not_found")


async def test_redis_holds_each_version_when_the_answer_comes(
    app: RunningApp, writer: dict[str, str], redis: "Redis"
) -> None:
    cache = VersionedCache(redis, UserSnapshot)
    user = await app.create_user(writer, push_token="token")
    first = await cache.get(user_key(user["id"]))
    assert first is not None
    assert (first.value.version, first.value.preferences.push) == (1, True)
    await app.client.patch(
        f"{PATH}/{user['id']}", json={"preferences": {"push": False}}, headers=writer
    )
    second = await cache.get(user_key(user["id"]))
    assert second is not None
    assert (second.value.version, second.value.preferences.push) == (2, False)
    answer = await app.client.get(f"{PATH}/{user['id']}/snapshot", headers=shown_by("api-gateway"))
    assert UserSnapshot.model_validate(answer.json()["data"]) == second.value
    assert answer.json()["data"]["devices"] == [{"kind": "fcm", "token": "token"}]


async def test_a_new_password_replaces_the_old_one(app: RunningApp, writer: dict[str, str]) -> None:
    user = await app.create_user(writer)
    answer = await app.client.patch(
        f"{PATH}/{user['id']}", json={"password": "another password"}, headers=writer
    )
    assert answer.status_code == 200
    assert "another password" not in answer.text
    await app.sign_in(user["email"], "another password")
    old = await app.client.post(
        "/api/v1/auth/login", json={"email": user["email"], "password": PASSWORD}
    )
    assert old.status_code == 401
