from datetime import UTC, datetime

import httpx
import pytest
from jose import jwt
from running_app import RunningApp
from samples import PASSWORD, new_private_key, new_user, unused_email

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
