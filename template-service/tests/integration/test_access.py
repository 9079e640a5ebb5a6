import secrets
import uuid

import httpx
import pytest
from loopback_user_service import LoopbackUserService
from running_app import MakeKey, shown_by
from samples import unused_code

from contracts.access import ApiKeyRecord, Role, Scope
from contracts.template_snapshot import TemplateSnapshot, TemplateVersion
from servicekit.authentication import digest_of

PATH = "/api/v1/templates"
FLAT = {"subject": "Hi {{name}}", "body": "<p>Hi</p>"}
ROUTES = [
    ("POST", PATH),
    ("GET", PATH),
    ("GET", f"{PATH}/x"),
    ("PUT", f"{PATH}/x"),
    ("PUT", f"{PATH}/No_Such_Code"),
    ("GET", f"{PATH}/x/snapshot"),
    ("POST", f"{PATH}/snapshots"),
    ("GET", f"{PATH}/x/versions/1"),
    ("POST", f"{PATH}/x/versions/1/render"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "guessed"},
        {"Authorization": "Bearer guessed"},
        {"X-Service-Token": "api-gateway:guessed"},
        {"X-Service-Token": "nobody:"},
    ],
)
async def test_nobody_gets_in_without_valid_credentials(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


async def test_an_application_does_what_its_scopes_say(
    client: httpx.AsyncClient, application: MakeKey
) -> None:
    reader = await application(Scope.TEMPLATES_READ)
    writer = await application(Scope.TEMPLATES_WRITE)
    other = await application(Scope.NOTIFICATIONS_SEND)
    body = {"code": unused_code(), **FLAT}
    path = f"{PATH}/{body['code']}"
    assert (await client.post(PATH, json=body, headers=reader)).status_code == 403
    assert (await client.post(PATH, json=body, headers=writer)).status_code == 201
    assert (await client.put(path, json=FLAT, headers=reader)).status_code == 403
    assert (await client.get(path, headers=reader)).status_code == 200
    assert (await client.get(f"{path}/versions/1", headers=reader)).status_code == 200
    assert (await client.get(f"{path}/snapshot", headers=reader)).status_code == 403
    for forbidden in (path, PATH, f"{path}/versions/1"):
        assert (await client.get(forbidden, headers=other)).status_code == 403


async def test_a_revoked_key_is_nobody(client: httpx.AsyncClient, application: MakeKey) -> None:
    revoked = await application(Scope.TEMPLATES_READ, is_active=False)
    assert (await client.get(PATH, headers=revoked)).status_code == 401


async def test_a_key_that_is_not_cached_is_asked_of_user_service(
    client: httpx.AsyncClient, user_service: LoopbackUserService
) -> None:
    key = secrets.token_urlsafe(32)
    user_service.api_keys[digest_of(key)] = ApiKeyRecord(
        id=uuid.uuid4(),
        name="test",
        version=1,
        scopes=frozenset({Scope.TEMPLATES_READ}),
        is_active=True,
    )
    assert (await client.get(PATH, headers={"X-API-Key": key})).status_code == 200


async def test_an_admin_may_and_a_user_may_not(
    client: httpx.AsyncClient, user_service: LoopbackUserService
) -> None:
    admin = {"Authorization": f"Bearer {user_service.access_token(Role.ADMIN)}"}
    user = {"Authorization": f"Bearer {user_service.access_token(Role.USER)}"}
    body = {"code": unused_code(), **FLAT}
    assert (await client.post(PATH, json=body, headers=admin)).status_code == 201
    assert (await client.get(PATH, headers=user)).status_code == 403
    assert (await client.get(f"{PATH}/{body['code']}/snapshot", headers=admin)).status_code == 403


async def test_an_expired_token_is_nobody(
    client: httpx.AsyncClient, user_service: LoopbackUserService
) -> None:
    token = user_service.access_token(Role.ADMIN, seconds=-60)
    answer = await client.get(PATH, headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


async def test_our_services_read_what_they_need(
    client: httpx.AsyncClient, writer: dict[str, str]
) -> None:
    code = unused_code()
    await client.post(PATH, json={"code": code, **FLAT}, headers=writer)
    await client.put(f"{PATH}/{code}", json={**FLAT, "subject": "New"}, headers=writer)

    answer = await client.get(f"{PATH}/{code}/snapshot", headers=shown_by("api-gateway"))
    snapshot = TemplateSnapshot.model_validate(answer.json()["data"])
    assert (snapshot.code, snapshot.row_version, snapshot.languages["en"].version) == (code, 2, 2)

    for service in ("email-service", "push-service", "api-gateway"):
        answer = await client.get(
            f"{PATH}/{code}/versions/1?language=en", headers=shown_by(service)
        )
        version = TemplateVersion.model_validate(answer.json()["data"])
        assert version.email is not None
        assert (version.version, version.email.subject) == (1, FLAT["subject"])

    worker = shown_by("email-service")
    assert (await client.get(f"{PATH}/{code}", headers=worker)).status_code == 200
    assert (await client.get(f"{PATH}/{code}/snapshot", headers=worker)).status_code == 403
    assert (await client.put(f"{PATH}/{code}", json=FLAT, headers=worker)).status_code == 403
    missing = await client.get(f"{PATH}/{code}/versions/3", headers=worker)
    assert (missing.status_code, missing.json()["error"]) == (404, "template_not_found")
    other = await client.get(f"{PATH}/{code}/versions/1", headers=shown_by("user-service"))
    assert other.status_code == 403
