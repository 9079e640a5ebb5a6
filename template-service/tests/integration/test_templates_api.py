import asyncio
from typing import Any

import httpx
import pytest
from redis.asyncio import Redis
from samples import unused_code

from contracts.cache_keys import template_key
from contracts.template_snapshot import TemplateSnapshot
from servicekit.versioned_cache import VersionedCache

PATH = "/api/v1/templates"
FLAT = {"subject": "Hi {{name}}", "body": "<p>Dear {{name}}</p>"}
PUSH = {"title": "Hi {{name}}", "body": "Open", "link": "{{link}}", "data": {"kind": "x"}}


async def create(
    client: httpx.AsyncClient, writer: dict[str, str], **body: Any
) -> tuple[str, dict[str, Any]]:
    code = unused_code()
    response = await client.post(PATH, json={"code": code, **body}, headers=writer)
    assert response.status_code == 201, response.text
    data: dict[str, Any] = response.json()["data"]
    return code, data


async def cached(redis: "Redis", code: str) -> TemplateSnapshot | None:
    found = await VersionedCache(redis, TemplateSnapshot).get(template_key(code))
    return found.value if found else None


async def test_a_flat_email_template_is_answered_in_both_traditions(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code, data = await create(client, writer, **FLAT)
    assert data["code"] == data["template_code"] == data["name"] == code
    assert data["subject"] == data["email"]["subject"] == FLAT["subject"]
    assert data["body"] == data["content"] == FLAT["body"]
    assert data["email"]["body"] == data["email"]["content"] == FLAT["body"]
    assert "name" in data["email"]["text"]
    assert "<p>" not in data["email"]["text"]
    assert (data["push"], data["title"]) == (None, None)
    assert (data["category"], data["language"], data["version"]) == ("general", "en", 1)
    assert data["is_active"] is True
    assert data["variables"] == {"email": {"required": ["name"], "optional": []}}
    assert data["languages"] == {"en": 1}
    read = await client.get(f"{PATH}/{code}", headers=writer)
    assert (read.status_code, read.json()["data"]) == (200, data)


async def test_a_push_template_is_answered_flat_as_well(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    _, data = await create(client, writer, push=PUSH)
    assert data["push"] == {**PUSH, "image": None}
    assert (data["title"], data["body"], data["content"]) == ("Hi {{name}}", "Open", "Open")
    assert (data["email"], data["subject"]) == (None, None)


async def test_where_both_channels_are_the_flat_body_is_that_of_the_email(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    _, data = await create(client, writer, email=FLAT, push=PUSH)
    assert (data["subject"], data["body"], data["title"]) == (
        FLAT["subject"],
        FLAT["body"],
        PUSH["title"],
    )


async def test_a_change_is_a_new_version_live_at_once_and_the_old_one_stays(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code, before = await create(client, writer, **FLAT)
    body = {**FLAT, "subject": "New", "name": "Other", "category": "news"}
    response = await client.put(f"{PATH}/{code}", json=body, headers=writer)
    assert response.status_code == 200
    assert "Version 2 is live" in response.json()["message"]
    after = (await client.get(f"{PATH}/{code}", headers=writer)).json()["data"]
    assert (after["version"], after["subject"]) == (2, "New")
    assert (after["name"], after["category"]) == ("Other", "news")
    assert after["updated_at"] > after["created_at"] == before["created_at"]
    old = (await client.get(f"{PATH}/{code}?version=1", headers=writer)).json()["data"]
    assert (old["version"], old["subject"], old["languages"]) == (1, FLAT["subject"], {"en": 2})


async def test_a_change_to_the_same_publishes_nothing_and_says_so(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code, before = await create(client, writer, **FLAT)
    again = await client.put(f"{PATH}/{code}", json=FLAT, headers=writer)
    assert again.status_code == 200
    assert "Nothing was published" in again.json()["message"]
    assert again.json()["data"] == before
    renamed = await client.put(f"{PATH}/{code}", json={**FLAT, "name": "Other"}, headers=writer)
    assert "no new version" in renamed.json()["message"]
    assert (renamed.json()["data"]["version"], renamed.json()["data"]["name"]) == (1, "Other")


async def test_languages_have_versions_of_their_own(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code, _ = await create(client, writer, **FLAT)
    await client.put(
        f"{PATH}/{code}", json={**FLAT, "subject": "Oi", "language": "pt-br"}, headers=writer
    )
    found = await client.get(f"{PATH}/{code}?language=PT-BR", headers=writer)
    data = found.json()["data"]
    assert (data["language"], data["version"], data["subject"]) == ("pt-BR", 1, "Oi")
    assert data["languages"] == {"en": 1, "pt-BR": 1}
    missing = await client.get(f"{PATH}/{code}?language=fr", headers=writer)
    assert (missing.status_code, missing.json()["error"]) == (404, "template_not_found")


async def test_changes_at_once_are_all_kept_with_consecutive_versions(
    client: httpx.AsyncClient, writer: dict[str, str], redis: "Redis"
) -> None:
    code, _ = await create(client, writer, **FLAT)
    answers = await asyncio.gather(
        *(
            client.put(f"{PATH}/{code}", json={**FLAT, "subject": f"No {i}"}, headers=writer)
            for i in range(12)
        )
    )
    assert {answer.status_code for answer in answers} == {200}
    versions = sorted(answer.json()["data"]["version"] for answer in answers)
    assert versions == list(range(2, 14))
    snapshot = await cached(redis, code)
    assert snapshot is not None
    assert (snapshot.row_version, snapshot.languages["en"].version) == (13, 13)


async def test_the_gateway_finds_the_snapshot_in_redis_before_the_caller_is_answered(
    client: httpx.AsyncClient, writer: dict[str, str], redis: "Redis"
) -> None:
    code, _ = await create(client, writer, **FLAT, ambiguous="hold")
    snapshot = await cached(redis, code)
    assert snapshot is not None
    assert (snapshot.row_version, snapshot.ambiguous.value) == (1, "hold")
    await client.put(f"{PATH}/{code}", json={**FLAT, "subject": "New"}, headers=writer)
    snapshot = await cached(redis, code)
    assert snapshot is not None
    assert snapshot.languages["en"].version == 2


async def test_a_code_that_is_taken_is_a_conflict(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code, _ = await create(client, writer, **FLAT)
    again = await client.post(PATH, json={"template_code": code, **FLAT}, headers=writer)
    assert (again.status_code, again.json()["error"]) == (409, "template_exists")


async def test_lists_templates_in_pages(client: httpx.AsyncClient, writer: dict[str, str]) -> None:
    codes = {(await create(client, writer, **FLAT))[0] for _ in range(3)}
    seen: list[str] = []
    page, has_next = 1, True
    while has_next:
        answer = await client.get(f"{PATH}/?page={page}&limit=2", headers=writer)
        meta = answer.json()["meta"]
        assert (meta["page"], meta["limit"]) == (page, 2)
        seen += [entry["code"] for entry in answer.json()["data"]]
        page, has_next = page + 1, meta["has_next"]
    assert len(seen) == meta["total"]
    assert codes <= set(seen)


@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("code", ["unknown", "Not_A_Code", "a%00b", "%ff", "a" * 300])
async def test_an_unknown_code_is_not_found(
    client: httpx.AsyncClient, writer: dict[str, str], method: str, code: str
) -> None:
    body = FLAT if method == "PUT" else None
    answer = await client.request(method, f"{PATH}/{code}", json=body, headers=writer)
    assert (answer.status_code, answer.json()["error"]) == (404, "template_not_found")
