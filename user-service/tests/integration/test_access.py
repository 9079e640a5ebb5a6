import httpx
import pytest
from running_app import CALLERS, RunningApp, shown_by
from samples import ADMIN_EMAIL, ADMIN_PASSWORD, PASSWORD

from contracts.access import Scope

USERS = "/api/v1/users"
KEYS = "/api/v1/api-keys"
DIGEST = "0" * 64
READ_KEYS = ("api-gateway", "template-service")


async def my_id(app: RunningApp, email: str, password: str) -> str:
    answer = await app.client.post(
        "/api/v1/auth/login", json={"email": email, "password": password}
    )
    return str(answer.json()["data"]["user_id"])


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", USERS),
        ("GET", USERS),
        ("GET", f"{USERS}/x"),
        ("PATCH", f"{USERS}/x"),
        ("GET", f"{USERS}/x/snapshot"),
        ("GET", f"{USERS}/x/preferences"),
        ("PUT", f"{USERS}/x/preferences"),
        ("PATCH", f"{USERS}/x/preferences"),
        ("GET", "/api/v1/categories"),
        ("GET", "/api/v1/categories/catalogue"),
        ("PUT", "/api/v1/categories/x"),
        ("DELETE", "/api/v1/categories/x"),
        ("POST", f"{USERS}/snapshots"),
        ("POST", KEYS),
        ("GET", KEYS),
        ("DELETE", f"{KEYS}/x"),
        ("POST", f"{KEYS}/x/rotate"),
        ("GET", f"{KEYS}/by-digest/{DIGEST}"),
        ("POST", "/api/v1/auth/password"),
    ],
)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-API-Key": "nk_live_unknown"},
        {"Authorization": "Bearer not.a.token"},
        {"X-Service-Token": "api-gateway:wrong"},
    ],
)
async def test_strangers_are_refused_everywhere(
    client: httpx.AsyncClient, method: str, path: str, headers: dict[str, str]
) -> None:
    answer = await client.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


async def test_a_user_reads_and_changes_only_themselves(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user, other = await app.create_user(writer), await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    own, foreign = f"{USERS}/{user['id']}", f"{USERS}/{other['id']}"
    assert (await app.client.get(own, headers=themselves)).json()["data"] == user
    changed = await app.client.patch(own, json={"name": "Me"}, headers=themselves)
    assert changed.json()["data"]["name"] == "Me"
    for answer in (
        await app.client.get(foreign, headers=themselves),
        await app.client.patch(foreign, json={"name": "Not me"}, headers=themselves),
    ):
        assert (answer.status_code, answer.json()["error"]) == (404, "user_not_found")
    assert (await app.client.get(foreign, headers=writer)).json()["data"] == other


async def test_a_user_changes_neither_their_role_nor_whether_they_are_active(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    path = f"{USERS}/{user['id']}"
    role = await app.client.patch(path, json={"role": "admin"}, headers=themselves)
    assert role.status_code == 422
    active = await app.client.patch(path, json={"is_active": False}, headers=themselves)
    assert (active.status_code, active.json()["error"]) == (403, "forbidden")
    assert (await app.client.get(path, headers=writer)).json()["data"] == user


async def test_a_user_neither_creates_nor_lists_users_nor_touches_keys(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    themselves = await app.sign_in(user["email"], PASSWORD)
    for method, path in (("POST", USERS), ("GET", USERS), ("POST", KEYS), ("GET", KEYS)):
        answer = await app.client.request(method, path, json={}, headers=themselves)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_an_application_acts_within_its_scopes(
    app: RunningApp, admin: dict[str, str], writer: dict[str, str]
) -> None:
    user = await app.create_user(writer)
    path = f"{USERS}/{user['id']}"
    reader = await app.create_key(admin, Scope.USERS_READ)
    outsider = await app.create_key(admin, Scope.NOTIFICATIONS_SEND)
    assert (await app.client.get(path, headers=reader)).status_code == 200
    assert (await app.client.get(USERS, headers=reader)).status_code == 200
    for method, target, headers in (
        ("PATCH", path, reader),
        ("POST", USERS, reader),
        ("GET", path, outsider),
        ("GET", USERS, outsider),
        ("PATCH", path, outsider),
        ("POST", KEYS, writer),
        ("GET", f"{path}/snapshot", writer),
        ("POST", f"{USERS}/snapshots", writer),
    ):
        answer = await app.client.request(method, target, json={"name": "x"}, headers=headers)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


async def test_an_application_cannot_take_over_an_administrator(
    app: RunningApp, writer: dict[str, str]
) -> None:
    admin_id = await my_id(app, ADMIN_EMAIL, ADMIN_PASSWORD)
    for body in ({"password": "taken over"}, {"email": "x@example.com"}, {"is_active": False}):
        answer = await app.client.patch(f"{USERS}/{admin_id}", json=body, headers=writer)
        assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    await app.sign_in(ADMIN_EMAIL, ADMIN_PASSWORD)


async def test_an_application_with_the_admin_scope_may_do_all(
    app: RunningApp, admin: dict[str, str]
) -> None:
    application = await app.create_key(admin, Scope.ADMIN)
    assert (await app.client.get(USERS, headers=application)).status_code == 200
    await app.create_key(application, Scope.USERS_READ)
    user = await app.create_user(application)
    answer = await app.client.patch(
        f"{USERS}/{user['id']}", json={"is_active": False}, headers=application
    )
    assert answer.status_code == 200


@pytest.mark.parametrize("service", CALLERS)
async def test_services_read_only_what_is_theirs(
    app: RunningApp, admin: dict[str, str], writer: dict[str, str], service: str
) -> None:
    user = await app.create_user(writer)
    snapshot = f"{USERS}/{user['id']}/snapshot"
    answer = await app.client.get(snapshot, headers=shown_by(service))
    assert answer.status_code == (200 if service == "api-gateway" else 403)
    question = {"user_ids": [user["id"]]}
    many = await app.client.post(f"{USERS}/snapshots", json=question, headers=shown_by(service))
    assert many.status_code == answer.status_code
    refused = await app.client.post(f"{USERS}/snapshots", json=question, headers=admin)
    assert refused.status_code == 403
    record = await app.client.get(f"{KEYS}/by-digest/{DIGEST}", headers=shown_by(service))
    assert record.status_code == (404 if service in READ_KEYS else 403)
    assert (await app.client.get(USERS, headers=shown_by(service))).status_code == 403
    for path in (snapshot, f"{KEYS}/by-digest/{DIGEST}"):
        assert (await app.client.get(path, headers=admin)).status_code == 403
