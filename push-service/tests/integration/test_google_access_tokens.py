import asyncio
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_private_key,
)
from fake_google import Behaviour, FakeGoogle, Reply, json_reply
from jose import jwt

from delivery.errors import TransientDeliveryError
from push_service.adapters.google_access_tokens import GoogleAccessTokens
from push_service.adapters.service_account import ServiceAccount
from servicekit.http_client import AsyncClient


@dataclass
class Clock:
    now: float = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(account: ServiceAccount, client: AsyncClient, clock: Clock) -> GoogleAccessTokens:
    return GoogleAccessTokens(account, client, wall_clock=lambda: 1.8e9, monotonic=clock)


async def test_proves_who_we_are_with_a_signed_assertion(
    google: FakeGoogle, tokens: GoogleAccessTokens, account: ServiceAccount
) -> None:
    assert await tokens.current() == "token-1"
    (assertion,) = google.assertions()
    public_key = load_pem_private_key(account.private_key.encode(), None).public_key()
    claims = jwt.decode(
        assertion,
        _pem(public_key),
        algorithms=["RS256"],
        audience=account.token_uri,
        options={"verify_exp": False, "verify_iat": False},
    )
    assert jwt.get_unverified_header(assertion)["kid"] == "key-1"
    assert claims == {
        "iss": account.client_email,
        "scope": "https://www.googleapis.com/auth/firebase.messaging",
        "aud": account.token_uri,
        "iat": 1_800_000_000,
        "exp": 1_800_003_600,
    }
    (request,) = google.token_requests
    assert request.headers["content-type"] == "application/x-www-form-urlencoded"


async def test_many_callers_cause_one_request(
    google: FakeGoogle, tokens: GoogleAccessTokens
) -> None:
    got = await asyncio.gather(*(tokens.current() for _ in range(50)))
    assert set(got) == {"token-1"}
    assert len(google.token_requests) == 1


async def test_a_token_is_renewed_at_four_fifths_of_its_life(
    google: FakeGoogle, tokens: GoogleAccessTokens, clock: Clock
) -> None:
    assert await tokens.current() == "token-1"
    clock.now += 2879
    assert await tokens.current() == "token-1"
    clock.now += 1
    assert await tokens.current() == "token-2"


async def test_while_one_renews_the_others_go_on_with_the_old_token(
    google: FakeGoogle, tokens: GoogleAccessTokens, clock: Clock
) -> None:
    await tokens.current()
    clock.now += 3000
    google.token_script.append(Behaviour.HANG)
    renewing = asyncio.create_task(tokens.current())
    await google.hanging.wait()
    assert await tokens.current() == "token-1"
    assert await renewing == "token-1"  # the renewal failed, and the old token still works


async def test_a_failed_renewal_is_tried_again_and_felt_only_when_the_token_ends(
    google: FakeGoogle, tokens: GoogleAccessTokens, clock: Clock
) -> None:
    await tokens.current()
    clock.now += 3000
    google.token_script.extend([Behaviour.DROP, Behaviour.DROP])
    assert await tokens.current() == "token-1"
    assert await tokens.current() == "token-1"
    assert len(google.token_requests) == 2
    clock.now += 571  # less than 30 s of its life are left
    with pytest.raises(TransientDeliveryError):
        await tokens.current()
    assert await tokens.current() == "token-2"


async def test_a_refused_token_is_replaced_once_for_all(
    google: FakeGoogle, tokens: GoogleAccessTokens
) -> None:
    refused = await tokens.current()
    got = await asyncio.gather(*(tokens.replace(refused) for _ in range(20)))
    assert set(got) == {"token-2"}
    assert len(google.token_requests) == 2


async def test_a_cancelled_fetch_leaves_the_way_free(
    google: FakeGoogle, tokens: GoogleAccessTokens
) -> None:
    google.token_script.append(Behaviour.HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await tokens.current()
    assert await tokens.current() == "token-1"


@pytest.mark.parametrize(
    ("reply", "reason", "retry_after"),
    [
        (
            json_reply(400, {"error": "invalid_grant", "error_description": "Invalid JWT"}),
            "credentials_refused",
            None,
        ),
        (json_reply(401, {"error": "invalid_client"}), "credentials_refused", None),
        (json_reply(503, {}, Retry_After="9"), "token_server_failed", 9.0),
        (Reply(500, b"<html>"), "token_server_failed", None),
        (Reply(200, b"<html>"), "token_server_failed", None),
        (json_reply(200, {"access_token": 5, "expires_in": 3600}), "token_server_failed", None),
        (json_reply(200, {"access_token": "a\nb", "expires_in": 9}), "token_server_failed", None),
        (json_reply(200, {"access_token": "a", "expires_in": "x"}), "token_server_failed", None),
        (Behaviour.DROP, "token_server_unreachable", None),
        (Behaviour.HANG, "token_server_unreachable", None),
        (Behaviour.DROP_IN_BODY, "token_server_failed", None),
    ],
)
async def test_every_failure_is_the_providers(
    google: FakeGoogle,
    tokens: GoogleAccessTokens,
    reply: Reply | Behaviour,
    reason: str,
    retry_after: float | None,
) -> None:
    google.token_script.append(reply)
    with pytest.raises(TransientDeliveryError) as error:
        await tokens.current()
    assert error.value.reason == reason
    assert error.value.retry_after == retry_after
    assert error.value.provider_failed
    assert await tokens.current() == "token-1"


def _pem(public_key: object) -> str:
    assert isinstance(public_key, RSAPublicKey)
    return public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
