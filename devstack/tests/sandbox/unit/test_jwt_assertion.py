"""The token endpoint's check of a service account's assertion."""

import base64
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from devstack.sandbox.push.access_token import (
    LIFETIME,
    AccessTokens,
    ExpiredTokenError,
    UnknownTokenError,
)
from devstack.sandbox.push.jwt_assertion import AssertionVerifier, InvalidAssertionError

KEY = rsa.generate_private_key(65537, 2048)
NOW = 1_800_000_000
AUDIENCE = "https://localhost:8443/token"
EMAIL = "sandbox@p.iam.gserviceaccount.com"
SCOPE = "https://www.googleapis.com/auth/firebase.messaging"


def encode(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def assertion(
    key: rsa.RSAPrivateKey = KEY, header: dict[str, Any] | None = None, **claims: Any
) -> str:
    head = {"alg": "RS256", "typ": "JWT", "kid": "k1", **(header or {})}
    body = {"iss": EMAIL, "scope": SCOPE, "aud": AUDIENCE, "iat": NOW, "exp": NOW + 3600, **claims}
    signed = f"{encode(json.dumps(head).encode())}.{encode(json.dumps(body).encode())}"
    return f"{signed}.{encode(key.sign(signed.encode(), padding.PKCS1v15(), SHA256()))}"


def verify(token: str, now: float = NOW) -> frozenset[str]:
    verifier = AssertionVerifier(EMAIL, KEY.public_key(), "k1", frozenset({AUDIENCE}))
    return verifier.verify(token, now)


def test_grants_the_scopes_asked_for() -> None:
    assert verify(assertion()) == {SCOPE}


def test_takes_cloud_platform_too() -> None:
    scope = "openid https://www.googleapis.com/auth/cloud-platform"
    assert verify(assertion(scope=scope)) == set(scope.split())


def test_allows_clocks_to_differ_a_little() -> None:
    assert verify(assertion(), now=NOW - 200)
    assert verify(assertion(), now=NOW + 3600 + 200)


@pytest.mark.parametrize(
    ("claims", "text"),
    [
        ({"iss": "other@x"}, "account not found"),
        ({"aud": "https://oauth2.googleapis.com/token"}, "Failed audience check"),
        ({"aud": [AUDIENCE]}, "Failed audience check"),
        ({"exp": NOW + 3601}, "short-lived"),
        ({"exp": NOW}, "short-lived"),
        ({"exp": None}, "short-lived"),
        ({"iat": "now"}, "short-lived"),
        ({"iat": NOW + 400, "exp": NOW + 800}, "short-lived"),
        ({"iat": NOW - 4000, "exp": NOW - 400}, "short-lived"),
        ({"scope": "https://www.googleapis.com/auth/drive"}, "OAuth scope"),
        ({"scope": None}, "OAuth scope"),
    ],
)
def test_refuses_wrong_claims(claims: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidAssertionError, match=text):
        verify(assertion(**claims))


def test_refuses_another_key() -> None:
    with pytest.raises(InvalidAssertionError, match="Invalid JWT Signature"):
        verify(assertion(key=rsa.generate_private_key(65537, 2048)))


def test_refuses_another_key_id() -> None:
    with pytest.raises(InvalidAssertionError, match="Invalid JWT Signature"):
        verify(assertion(header={"kid": "k2"}))


@pytest.mark.parametrize("algorithm", ["none", "HS256", "RS512"])
def test_refuses_other_algorithms(algorithm: str) -> None:
    with pytest.raises(InvalidAssertionError, match="RS256"):
        verify(assertion(header={"alg": algorithm}))


def test_refuses_claims_changed_after_signing() -> None:
    head, _, signature = assertion().split(".")
    forged = assertion(scope=f"{SCOPE} more").split(".")[1]
    with pytest.raises(InvalidAssertionError, match="Invalid JWT Signature"):
        verify(f"{head}.{forged}.{signature}")


@pytest.mark.parametrize("token", ["", "a.b", "a.b.c", "ü.ü.ü", "W10.W10.W10"])
def test_refuses_what_is_no_token(token: str) -> None:
    with pytest.raises(InvalidAssertionError):
        verify(token)


class Clock:
    def __init__(self) -> None:
        self.now = float(NOW)

    def __call__(self) -> float:
        return self.now


def test_an_access_token_carries_its_scopes_until_it_expires() -> None:
    clock = Clock()
    tokens = AccessTokens(b"k" * 32, clock)
    token = tokens.issue(frozenset({SCOPE}))
    clock.now += LIFETIME - 1
    assert tokens.scopes(token) == {SCOPE}
    clock.now += 1
    with pytest.raises(ExpiredTokenError):
        tokens.scopes(token)


@pytest.mark.parametrize("token", ["", "ya29.", "ya29.x.y", "ya29.ü.é", "other"])
def test_an_access_token_cannot_be_made_up(token: str) -> None:
    with pytest.raises(UnknownTokenError):
        AccessTokens(b"k" * 32, Clock()).scopes(token)


def test_an_access_token_of_another_key_is_unknown() -> None:
    token = AccessTokens(b"a" * 32, Clock()).issue(frozenset({SCOPE}))
    with pytest.raises(UnknownTokenError):
        AccessTokens(b"b" * 32, Clock()).scopes(token)
