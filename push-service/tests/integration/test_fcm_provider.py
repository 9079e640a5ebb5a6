import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from fake_google import Behaviour, FakeGoogle, Reply, fake_google, json_reply
from push_deliveries import NOON, a_push

from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from push_service.adapters.fcm_provider import FcmProvider
from push_service.adapters.google_access_tokens import GoogleAccessTokens
from push_service.adapters.service_account import ServiceAccount
from servicekit.correlation import correlated
from servicekit.http_client import AsyncClient, create_http_client

UNAUTHENTICATED = json_reply(401, {"error": {"code": 401, "status": "UNAUTHENTICATED"}})
UNREGISTERED = json_reply(
    404,
    {
        "error": {
            "code": 404,
            "status": "NOT_FOUND",
            "message": "Requested entity was not found.",
            "details": [
                {
                    "@type": "type.googleapis.com/google.firebase.fcm.v1.FcmError",
                    "errorCode": "UNREGISTERED",
                }
            ],
        }
    },
)


@pytest.fixture
def provider(account: ServiceAccount, client: AsyncClient) -> FcmProvider:
    tokens = GoogleAccessTokens(account, client)
    return FcmProvider(account.project_id, client, tokens, lambda: NOON)


async def test_hands_the_message_over_and_returns_fcms_name_for_it(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    with correlated("corr-1"):
        acceptance = await provider.send(a_push())
    assert acceptance.provider_message_id == "projects/demo-project/messages/1"
    assert acceptance.reply_code == "200"
    (request,) = google.sends
    assert request.path == "/v1/projects/demo-project/messages:send"
    assert request.headers["authorization"] == "Bearer token-1"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-correlation-id"] == "corr-1"
    assert json.loads(request.body)["message"]["token"] == "device-token"


async def test_one_access_token_serves_many_messages(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    await asyncio.gather(*(provider.send(a_push()) for _ in range(20)))
    assert (len(google.sends), len(google.token_requests)) == (20, 1)


async def test_a_refused_access_token_is_replaced_and_the_message_sent(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    google.send_script.append(UNAUTHENTICATED)
    await provider.send(a_push())
    used = [request.headers["authorization"] for request in google.sends]
    assert used == ["Bearer token-1", "Bearer token-2"]


async def test_an_access_token_is_replaced_only_once(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    google.send_script.extend([UNAUTHENTICATED, UNAUTHENTICATED])
    with pytest.raises(TransientDeliveryError, match="credentials_refused") as error:
        await provider.send(a_push())
    assert error.value.provider_failed
    assert len(google.sends) == 2


async def test_a_dead_device_is_told_apart(google: FakeGoogle, provider: FcmProvider) -> None:
    google.send_script.append(UNREGISTERED)
    with pytest.raises(InvalidRecipientError, match="unregistered"):
        await provider.send(a_push())


async def test_fcm_says_when_to_come_back(google: FakeGoogle, provider: FcmProvider) -> None:
    google.send_script.append(json_reply(503, {}, Retry_After="17"))
    with pytest.raises(TransientDeliveryError) as error:
        await provider.send(a_push())
    assert error.value.retry_after == 17.0


@pytest.mark.parametrize("loss", [Behaviour.DROP, Behaviour.HANG])
async def test_an_answer_that_never_comes_is_ambiguous(
    google: FakeGoogle, provider: FcmProvider, loss: Behaviour
) -> None:
    google.send_script.append(loss)
    with pytest.raises(AmbiguousDeliveryError):
        await provider.send(a_push())
    assert len(google.sends) == 1
    await provider.send(a_push())


async def test_a_yes_whose_body_was_lost_is_a_yes(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    google.send_script.append(Behaviour.DROP_IN_BODY)
    assert (await provider.send(a_push())).provider_message_id is None


@pytest.mark.parametrize("body", [b"<html>Welcome to the hotel", b"[]", b'{"name": 5}', b""])
async def test_a_yes_from_somebody_else_is_ambiguous(
    google: FakeGoogle, provider: FcmProvider, body: bytes
) -> None:
    google.send_script.append(Reply(200, body))
    with pytest.raises(AmbiguousDeliveryError):
        await provider.send(a_push())


async def test_an_answer_in_a_broken_encoding_raises_nothing_else(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    google.send_script.append(Reply(503, b"not gzip", {"Content-Encoding": "gzip"}))
    with pytest.raises(TransientDeliveryError):
        await provider.send(a_push())


async def test_a_token_server_that_refuses_us_stops_before_fcm(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    google.token_script.append(json_reply(400, {"error": "invalid_grant"}))
    with pytest.raises(TransientDeliveryError, match="invalid_grant") as error:
        await provider.send(a_push())
    assert error.value.provider_failed
    assert not google.sends


async def test_a_message_that_is_too_large_does_not_leave(
    google: FakeGoogle, provider: FcmProvider
) -> None:
    with pytest.raises(PermanentDeliveryError, match="payload_too_large"):
        await provider.send(a_push(body="x" * 5000))
    assert not google.sends


@pytest.fixture
async def unreachable() -> AsyncIterator[AsyncClient]:
    async with fake_google() as gone:
        address = gone.url
    async with create_http_client(address, timeout_seconds=0.5) as client:
        yield client


async def test_fcm_that_cannot_be_reached_is_the_providers_failure(
    account: ServiceAccount, client: AsyncClient, unreachable: AsyncClient
) -> None:
    tokens = GoogleAccessTokens(account, client)
    provider = FcmProvider(account.project_id, unreachable, tokens, lambda: NOON)
    with pytest.raises(TransientDeliveryError, match="connect_failed") as error:
        await provider.send(a_push())
    assert error.value.provider_failed


async def test_closing_closes_the_client(provider: FcmProvider, client: AsyncClient) -> None:
    await provider.send(a_push())
    await provider.close()
    assert client.is_closed
