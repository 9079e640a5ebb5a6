"""What the provider makes of each way in which SendGrid can answer, or not."""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator

import pytest
from email_deliveries import DELIVERY_ID, NOON, an_email
from scripted_sendgrid import (
    SENDER,
    Behaviour,
    Reply,
    ScriptedSendGrid,
    a_sendgrid_provider,
    scripted_sendgrid,
)

from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from email_service.adapters.sendgrid_account import SendGridAccount
from email_service.adapters.sendgrid_provider import SendGridProvider
from servicekit.correlation import correlated


@pytest.fixture
async def sendgrid() -> AsyncIterator[ScriptedSendGrid]:
    async with scripted_sendgrid() as running:
        yield running


@pytest.fixture
async def provider(sendgrid: ScriptedSendGrid) -> AsyncIterator[SendGridProvider]:
    async with a_sendgrid_provider(sendgrid.url, timeout_seconds=1.0) as made:
        yield made


async def test_hands_the_mail_over_and_returns_sendgrids_name_for_it(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    with correlated("corr-1"):
        acceptance = await provider.send(an_email())
    assert (acceptance.provider_message_id, acceptance.reply_code) == ("sg-1", "202")
    (request,) = sendgrid.requests
    assert request.path == "/v3/mail/send"
    assert request.headers["authorization"] == "Bearer SG.key"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-correlation-id"] == "corr-1"
    assert json.loads(request.body)["custom_args"]["delivery_id"] == str(DELIVERY_ID)


async def test_keeps_its_connections(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    for _ in range(5):
        await provider.send(an_email())
    assert (len(sendgrid.requests), sendgrid.connections) == (5, 1)


async def test_a_yes_needs_no_name(sendgrid: ScriptedSendGrid, provider: SendGridProvider) -> None:
    sendgrid.script.append(Reply(202))
    assert (await provider.send(an_email())).provider_message_id is None


async def test_a_yes_whose_body_was_lost_is_a_yes(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    sendgrid.script.append(Behaviour.DROP_IN_BODY)
    assert (await provider.send(an_email())).provider_message_id == "sg-1"


async def test_a_yes_from_somebody_else_is_ambiguous(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    sendgrid.script.append(Reply(200, body=b"<html>Welcome to the hotel"))
    with pytest.raises(AmbiguousDeliveryError, match="unexpected_answer"):
        await provider.send(an_email())


@pytest.mark.parametrize("loss", [Behaviour.DROP, Behaviour.HANG, Behaviour.DRIP])
async def test_an_answer_that_never_comes_is_ambiguous(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider, loss: Behaviour
) -> None:
    sendgrid.script.append(loss)
    with pytest.raises(AmbiguousDeliveryError, match="answer_lost"):
        await provider.send(an_email())
    assert len(sendgrid.requests) == 1
    assert (await provider.send(an_email())).provider_message_id == "sg-2"


async def test_a_cancelled_call_leaves_nothing_behind(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    sendgrid.script.append(Behaviour.HANG)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await provider.send(an_email())
    assert (await provider.send(an_email())).provider_message_id == "sg-2"
    assert sendgrid.connections == 2


async def test_sendgrid_that_cannot_be_reached_is_the_providers_failure() -> None:
    async with scripted_sendgrid() as gone:
        address = gone.url
    async with a_sendgrid_provider(address) as provider:
        with pytest.raises(TransientDeliveryError, match="connect_failed") as error:
            await provider.send(an_email())
    assert error.value.provider_failed


@pytest.mark.parametrize(("connect", "whole"), [(0.3, 14.0), (4.0, 1.0)])
async def test_a_server_that_takes_the_connection_and_no_tls_is_the_providers_failure(
    connect: float, whole: float
) -> None:
    async with scripted_sendgrid() as plain:
        https = plain.url.replace("http:", "https:")
        account = SendGridAccount("SG.key", https, connect_seconds=connect, timeout_seconds=whole)
        provider = SendGridProvider(account, SENDER, lambda: NOON)
        started = asyncio.get_running_loop().time()
        with pytest.raises(TransientDeliveryError, match="connect_failed") as error:
            await provider.send(an_email())
        await provider.close()
    assert error.value.provider_failed
    assert asyncio.get_running_loop().time() - started < 2


async def test_sendgrid_says_when_to_come_back(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    reset = str(int(NOON.timestamp()) + 17)
    sendgrid.script.append(Reply(429, {"X-RateLimit-Reset": reset}))
    with pytest.raises(TransientDeliveryError, match="throttled") as error:
        await provider.send(an_email())
    assert (error.value.retry_after, error.value.provider_failed) == (17.0, True)


async def test_what_cannot_be_sent_does_not_leave(
    sendgrid: ScriptedSendGrid, provider: SendGridProvider
) -> None:
    with pytest.raises(InvalidRecipientError, match="malformed_address"):
        await provider.send(an_email(recipient="nobody"))
    with pytest.raises(PermanentDeliveryError, match="smtputf8_not_offered") as error:
        await provider.send(an_email(recipient="jürgen@example.com"))
    assert not isinstance(error.value, InvalidRecipientError)  # others can reach it
    with pytest.raises(PermanentDeliveryError, match="content_not_encodable"):
        await provider.send(an_email(html="\ud800"))
    assert not sendgrid.requests


async def test_an_unreadable_ca_file_is_found_at_once() -> None:
    with pytest.raises((OSError, ssl.SSLError)):
        SendGridProvider(SendGridAccount("SG.key", ca_file="/nowhere/ca.pem"), SENDER, lambda: NOON)
