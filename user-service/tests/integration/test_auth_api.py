import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
from jose import jwt
from running_app import RunningApp
from samples import PASSWORD, new_private_key, new_user, unused_email

from contracts.access import Scope
from servicekit.tokens import AUDIENCE, ISSUER, TokenVerifier
from user_service.adapters.jwt_issuer import JwtIssuer
from user_service.domain.signing_key import SigningKey

PATH = "/api/v1/auth/login"


async def test_a_token_is_one_that_the_published_keys_verify(
    app: RunningApp, writer: dict[str, str]
) -> None:
    user = await app.create_user(writer, email=unused_email().title())
    answer = await app.client.post(
        PATH, json={"email": user["email"].lower(), "password": PASSWORD}
    )
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    data = answer.json()["data"]
    assert data["token"] == data["access_token"]
    assert (data["token_type"], data["expires_in"]) == ("bearer", 900)
    assert (data["user_id"], data["role"]) == (user["id"], "user")

    async def published() -> dict[str, object]:
        keys = await app.client.get("/api/v1/auth/jwks.json")
        assert set(keys.json()) == {"keys"}
        assert "d" not in keys.json()["keys"][0]
        document: dict[str, object] = keys.json()
        return document

    claims = await TokenVerifier(published).verify(data["token"])
    assert set(claims) == {"iss", "aud", "sub", "exp", "iat", "jti", "role"}
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, AUDIENCE, user["id"])
    assert claims["exp"] - claims["iat"] == 900


async def test_every_refusal_looks_the_same(app: RunningApp, writer: dict[str, str]) -> None:
    user = await app.create_user(writer)
    inactive = await app.create_user(writer)
    await app.client.patch(
        f"/api/v1/users/{inactive['id']}", json={"is_active": False}, headers=writer
    )
    without = {"name": "Ann", "email": unused_email()}
    await app.client.post("/api/v1/users", json=without, headers=writer)
    bodies = []
    for email, password in (
        (user["email"], "wrong password"),
        (unused_email(), PASSWORD),
        (inactive["email"], PASSWORD),
        (without["email"], PASSWORD),
        ("not an address", PASSWORD),
        (user["email"], ""),
    ):
        answer = await app.client.post(PATH, json={"email": email, "password": password})
        assert answer.status_code == 401
        bodies.append(answer.json())
    assert bodies[0]["error"] == "invalid_credentials"
    assert all(body == bodies[0] for body in bodies)


@pytest.mark.parametrize(
    "body", [{}, {"email": "a@example.com"}, {"email": 1, "password": "x"}, {"x": 1}]
)
async def test_an_incomplete_sign_in_is_invalid(
    client: httpx.AsyncClient, body: dict[str, object]
) -> None:
    answer = await client.post(PATH, json=body)
    assert (answer.status_code, answer.json()["error"]) == (422, "validation_failed")


async def test_a_token_of_another_key_opens_nothing(
    app: RunningApp, writer: dict[str, str]
) -> None:
    created = await app.create_user(writer)
    own = await app.sign_in(created["email"], PASSWORD)
    genuine = own["Authorization"].removeprefix("Bearer ")
    claims = jwt.get_unverified_claims(genuine)
    kid = jwt.get_unverified_header(genuine)["kid"]
    foreign = new_private_key()
    forged = [
        jwt.encode(claims, foreign, algorithm="ES256", headers={"kid": kid}),
        jwt.encode(claims, "x" * 32, algorithm="HS256", headers={"kid": kid}),
        genuine[:-4] + "AAAA",
        JwtIssuer(SigningKey.from_pem(foreign), lambda: "jti")
        .issue(new_user(), datetime.now(UTC))
        .token,
    ]
    for token in forged:
        answer = await app.client.get(
            f"/api/v1/users/{created['id']}", headers={"Authorization": f"Bearer {token}"}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")


class Person:
    """A user with a password, and their tokens."""

    def __init__(self, app: RunningApp, user: dict[str, Any]) -> None:
        self.app = app
        self.user = user
        self.path = f"/api/v1/users/{user['id']}"

    async def login(self, password: str = PASSWORD) -> dict[str, Any]:
        body = {"email": self.user["email"], "password": password}
        answer = await self.app.client.post(PATH, json=body)
        assert answer.status_code == 200, answer.text
        data: dict[str, Any] = answer.json()["data"]
        return data

    async def refresh(self, tokens: dict[str, Any]) -> httpx.Response:
        return await self.app.client.post(
            "/api/v1/auth/refresh", json={"refresh_token": tokens["refresh_token"]}
        )

    async def change_password(self, tokens: dict[str, Any], present: str) -> httpx.Response:
        return await self.app.client.post(
            "/api/v1/auth/password",
            json={"current_password": present, "new_password": "another password"},
            headers={"Authorization": f"Bearer {tokens['access_token']}"},
        )


@pytest.fixture
async def person(app: RunningApp, writer: dict[str, str]) -> Person:
    return Person(app, await app.create_user(writer))


async def test_a_refresh_token_gives_the_next_one_and_is_used_up(person: Person) -> None:
    first = await person.login()
    assert first["refresh_expires_in"] == 30 * 24 * 3600
    answer = await person.refresh(first)
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    second = answer.json()["data"]
    headers = {"Authorization": f"Bearer {second['access_token']}"}
    assert (await person.app.client.get(person.path, headers=headers)).status_code == 200
    for tokens in (first, second):  # the first one shown again ends the session
        again = await person.refresh(tokens)
        assert (again.status_code, again.json()["error"]) == (401, "invalid_credentials")


async def test_of_two_uses_at_once_one_at_most_goes_on(person: Person) -> None:
    tokens = await person.login()
    answers = await asyncio.gather(*(person.refresh(tokens) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers)[1:] == [401] * 4


async def test_signing_out_answers_the_same_whatever_is_shown(person: Person) -> None:
    tokens = await person.login()
    bodies = []
    for token in (tokens["refresh_token"], tokens["refresh_token"], "nr_none", ""):
        answer = await person.app.client.post("/api/v1/auth/logout", json={"refresh_token": token})
        assert answer.status_code == 200
        bodies.append(answer.json())
    assert all(body == bodies[0] for body in bodies)
    assert (await person.refresh(tokens)).status_code == 401


async def test_ones_own_password_is_changed_by_who_knows_it_and_ends_all_sessions(
    person: Person,
) -> None:
    elsewhere, here = await person.login(), await person.login()
    wrong = await person.change_password(here, "wrong password")
    assert (wrong.status_code, wrong.json()["details"][0]["field"]) == (422, "current_password")
    changed = await person.change_password(here, PASSWORD)
    assert changed.status_code == 200
    assert changed.headers["Cache-Control"] == "no-store"
    for tokens in (elsewhere, here):
        assert (await person.refresh(tokens)).status_code == 401
    assert (await person.refresh(changed.json()["data"])).status_code == 200
    await person.login("another password")


async def test_an_application_has_no_password(app: RunningApp, admin: dict[str, str]) -> None:
    key = await app.create_key(admin, Scope.ADMIN)
    body = {"current_password": "x", "new_password": "another password"}
    answer = await app.client.post("/api/v1/auth/password", json=body, headers=key)
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")


@pytest.mark.parametrize("change", [{"password": "set by an application"}, {"is_active": False}])
async def test_a_new_password_or_being_inactive_ends_all_sessions(
    person: Person, writer: dict[str, str], change: dict[str, Any]
) -> None:
    tokens = await person.login()
    answer = await person.app.client.patch(person.path, json=change, headers=writer)
    assert answer.status_code == 200
    await person.app.client.patch(person.path, json={"is_active": True}, headers=writer)
    assert (await person.refresh(tokens)).status_code == 401


async def test_a_patch_does_not_change_ones_own_password(person: Person) -> None:
    tokens = await person.login()
    answer = await person.app.client.patch(
        person.path,
        json={"password": "another password"},
        headers={"Authorization": f"Bearer {tokens['access_token']}"},
    )
    assert (answer.status_code, answer.json()["error"]) == (403, "forbidden")
    assert "/auth/password" in answer.json()["message"]
    await person.login()
