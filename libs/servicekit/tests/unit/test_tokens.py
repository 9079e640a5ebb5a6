"""Access tokens: ours are accepted, and every way of forging one that we know of is refused."""

import asyncio
import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from hypothesis import given
from hypothesis import strategies as st
from jose import jwk, jwt

from servicekit.errors import UnavailableError
from servicekit.tokens import (
    AUDIENCE,
    ISSUER,
    TokenError,
    TokenVerifier,
    sign_access_token,
    sign_service_account_assertion,
)

Claims = dict[str, Any]


def private_pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def public_pem(key: ec.EllipticCurvePrivateKey) -> str:
    public = key.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


KEY = ec.generate_private_key(ec.SECP256R1())
FOREIGN = ec.generate_private_key(ec.SECP256R1())
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
JWKS = {"keys": [{**jwk.construct(public_pem(KEY), "ES256").to_dict(), "kid": "k1"}]}


def claims(**changes: Any) -> Claims:
    now = int(time.time())
    all_claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "role": "user",
        "iat": now, "exp": now + 600, "jti": "j",
    } | changes  # fmt: skip
    return {name: value for name, value in all_claims.items() if value is not None}


def sign(key: ec.EllipticCurvePrivateKey = KEY, kid: str = "k1", **changes: Any) -> str:
    return sign_access_token(claims(**changes), private_pem(key), kid)


def encode(part: object) -> str:
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def hs256_with(secret: bytes) -> str:
    signed = f"{encode({'alg': 'HS256', 'typ': 'JWT', 'kid': 'k1'})}.{encode(claims())}"
    return f"{signed}.{encode(hmac.new(secret, signed.encode(), hashlib.sha256).digest())}"


def with_payload_swapped() -> str:
    head, _, signature = sign().split(".")
    return f"{head}.{encode(claims(role='admin'))}.{signature}"


class KeyServer:
    """Counts how often it is asked."""

    def __init__(self, document: dict[str, Any] = JWKS) -> None:
        self.document = document
        self.asked = 0
        self.is_away = False

    async def __call__(self) -> dict[str, Any]:
        self.asked += 1
        await asyncio.sleep(0)
        if self.is_away:
            msg = "user-service does not answer."
            raise UnavailableError(msg)
        return self.document


class Clock:
    def __init__(self) -> None:
        self.seconds = 100.0

    def __call__(self) -> float:
        return self.seconds


async def test_takes_a_token_of_ours() -> None:
    found = await TokenVerifier(KeyServer()).verify(sign())
    assert (found["sub"], found["role"]) == ("user-1", "user")


FORGERIES: dict[str, Callable[[], str]] = {
    "no signature, algorithm none": lambda: (
        f"{encode({'alg': 'none', 'kid': 'k1'})}.{encode(claims())}."
    ),
    "no signature, algorithm None": lambda: (
        f"{encode({'alg': 'None', 'kid': 'k1'})}.{encode(claims())}."
    ),
    "HS256 with the public key in PEM": lambda: hs256_with(public_pem(KEY).encode()),
    "HS256 with the public key in DER": lambda: hs256_with(
        KEY.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ),
    "HS256 with the key's document": lambda: hs256_with(json.dumps(JWKS["keys"][0]).encode()),
    "HS256 with an empty secret": lambda: hs256_with(b""),
    "RS256": lambda: sign_service_account_assertion(claims(), private_pem(RSA), "k1"),
    "ES384 in the header": lambda: (
        f"{encode({'alg': 'ES384', 'kid': 'k1'})}.{sign().split('.', 1)[1]}"
    ),
    "another's key under our kid": lambda: sign(FOREIGN),
    "another's key with the key in the header": lambda: jwt.encode(
        claims(),
        private_pem(FOREIGN),
        "ES256",
        headers={"kid": "k1", "jwk": jwk.construct(public_pem(FOREIGN), "ES256").to_dict()},
    ),
    "unknown kid": lambda: sign(kid="k2"),
    "no kid": lambda: jwt.encode(claims(), private_pem(KEY), "ES256"),
    "expired": lambda: sign(exp=int(time.time()) - 1),
    "not yet valid": lambda: sign(nbf=int(time.time()) + 600),
    "no exp": lambda: sign(exp=None),
    "no iat": lambda: sign(iat=None),
    "no sub": lambda: sign(sub=None),
    "no aud": lambda: sign(aud=None),
    "no iss": lambda: sign(iss=None),
    "no jti": lambda: sign(jti=None),
    "wrong aud": lambda: sign(aud="somebody"),
    "wrong iss": lambda: sign(iss="somebody"),
    "swapped payload": with_payload_swapped,
    "cut signature": lambda: sign()[:-4],
    "no signature": lambda: sign().rpartition(".")[0],
    "empty": lambda: "",
    "garbage": lambda: "not.a.token",
    "not ASCII": lambda: "ä.ö.ü",
    "a header that is a list": lambda: f"{encode([])}.{encode(claims())}.x",
    "a header nested too deep": lambda: f"{encode(b'[' * 5000)}.{encode(claims())}.x",
    "encrypted (JWE)": lambda: f"{encode({'alg': 'dir', 'enc': 'A256GCM', 'kid': 'k1'})}..a.b.c",
}


@pytest.mark.parametrize("forgery", FORGERIES)
async def test_refuses(forgery: str) -> None:
    with pytest.raises(TokenError):
        await TokenVerifier(KeyServer()).verify(FORGERIES[forgery]())


@given(token=st.text(max_size=200))
def test_refuses_any_text(token: str) -> None:
    with pytest.raises(TokenError):
        asyncio.run(TokenVerifier(KeyServer()).verify(token))


async def test_asks_for_keys_once() -> None:
    keys = KeyServer()
    verifier = TokenVerifier(keys)
    for _ in range(3):
        await verifier.verify(sign())
    assert keys.asked == 1


async def test_concurrent_callers_share_one_question() -> None:
    keys = KeyServer()
    verifier = TokenVerifier(keys)
    await asyncio.gather(*(verifier.verify(sign()) for _ in range(20)))
    assert keys.asked == 1


async def test_asks_again_for_an_unknown_key_at_most_every_ten_seconds() -> None:
    keys, clock = KeyServer(), Clock()
    verifier = TokenVerifier(keys, clock)
    await verifier.verify(sign())
    for _ in range(5):
        with pytest.raises(TokenError):
            await verifier.verify(sign(FOREIGN, kid="k2"))
    assert keys.asked == 1
    clock.seconds += 10.1
    keys.document = {
        "keys": [{**jwk.construct(public_pem(FOREIGN), "ES256").to_dict(), "kid": "k2"}]
    }
    await verifier.verify(sign(FOREIGN, kid="k2"))
    assert keys.asked == 2
    with pytest.raises(TokenError):
        await verifier.verify(sign())


async def test_says_that_the_keys_are_away_rather_than_refuse_the_token() -> None:
    keys, clock = KeyServer(), Clock()
    keys.is_away = True
    verifier = TokenVerifier(keys, clock)
    with pytest.raises(UnavailableError):
        await verifier.verify(sign())
    keys.is_away = False
    clock.seconds += 10.1
    await verifier.verify(sign())


async def test_known_keys_serve_while_their_owner_is_away() -> None:
    keys, clock = KeyServer(), Clock()
    verifier = TokenVerifier(keys, clock)
    await verifier.verify(sign())
    keys.is_away = True
    clock.seconds += 3600
    await verifier.verify(sign())
    assert keys.asked == 1


async def test_after_a_failure_it_asks_again_at_most_every_ten_seconds() -> None:
    keys, clock = KeyServer(), Clock()
    keys.is_away = True
    verifier = TokenVerifier(keys, clock)
    errors = await asyncio.gather(
        *(verifier.verify(sign()) for _ in range(20)), return_exceptions=True
    )
    assert keys.asked == 1
    keys.is_away = False
    clock.seconds += 4.5
    with pytest.raises(UnavailableError) as caught:
        await verifier.verify(sign())
    assert caught.value.headers == {"Retry-After": "6"}
    assert keys.asked == 1
    assert {type(error) for error in errors} == {UnavailableError}
    clock.seconds += 5.5
    await verifier.verify(sign())
    assert keys.asked == 2


async def test_unknown_keys_are_refused_at_once_after_the_owner_could_not_be_asked() -> None:
    keys, clock = KeyServer(), Clock()
    verifier = TokenVerifier(keys, clock)
    await verifier.verify(sign())
    keys.is_away = True
    clock.seconds += 10.1
    errors = await asyncio.gather(
        *(verifier.verify(sign(FOREIGN, kid=f"k{n}")) for n in range(2, 20)), return_exceptions=True
    )
    assert keys.asked == 2
    assert [type(error) for error in errors] == [UnavailableError] + [TokenError] * 17
    with pytest.raises(TokenError):
        await verifier.verify(sign(FOREIGN, kid="k2"))
    assert keys.asked == 2


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"success": True, "data": {}},
        {"keys": None},
        {"keys": "k1"},
        {"keys": []},
        {"keys": ["k1", 5, None]},
        {"keys": [{}]},
        {"keys": [{"kid": "k1"}]},
        {"keys": [{**JWKS["keys"][0], "x": "!"}]},
        {"keys": [{**JWKS["keys"][0], "x": 5}]},
        {"keys": [{**JWKS["keys"][0], "kty": "RSA"}]},
    ],
)
async def test_a_document_without_a_key_that_can_be_used_counts_as_away(
    document: dict[str, Any],
) -> None:
    with pytest.raises(UnavailableError):
        await TokenVerifier(KeyServer(document)).verify(sign())


async def test_a_key_that_cannot_be_used_does_not_spoil_the_others() -> None:
    document = {"keys": [{"kid": "k0", "kty": "OKP"}, *JWKS["keys"]]}
    await TokenVerifier(KeyServer(document)).verify(sign())
