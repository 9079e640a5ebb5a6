"""The whole application on a real broker and a real Redis, as bootstrap builds it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aio_pika
import httpx
import pytest
from aio_pika.abc import AbstractIncomingMessage, AbstractQueue
from bounce_endpoint import PATH, TOKEN
from bounce_reports import JANE, KEY, a_recipient, a_reference, a_report
from pydantic import AnyHttpUrl, SecretStr

from contracts.names import SUPPRESSIONS_QUEUE
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import address_digest
from email_service.adapters.smtp_server import SmtpTls
from email_service.bootstrap import build_app
from email_service.settings import Settings
from servicekit.testing import server_url

BOUNCE = a_report(a_recipient(), envelope_id=a_reference())
HEADERS = {"X-Service-Token": TOKEN, "Content-Type": "message/rfc822"}


def some_settings(*, amqp_url: str | None = None, service_tokens: str | None = TOKEN) -> Settings:
    return Settings(
        environment="development",
        amqp_url=SecretStr(amqp_url or server_url("TEST_AMQP_URL")),
        redis_url=SecretStr(server_url("TEST_REDIS_URL")),
        template_service_url=AnyHttpUrl("http://127.0.0.1:1"),
        service_token=SecretStr("email-service:token"),
        service_tokens=SecretStr(service_tokens) if service_tokens else None,
        suppression_key=SecretStr(KEY.decode()),
        smtp_host="127.0.0.1",
        smtp_tls=SmtpTls.NONE,
        mail_from="no-reply@example.com",
    )


@asynccontextmanager
async def running(settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(settings)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client,
    ):
        yield client


async def until_ready(client: httpx.AsyncClient) -> None:
    async with asyncio.timeout(20):
        while True:
            if (await client.get("/health/ready")).status_code == 200:
                return
            await asyncio.sleep(0.1)


async def next_of(queue: AbstractQueue) -> AbstractIncomingMessage:
    async with asyncio.timeout(10):
        while True:
            if message := await queue.get(no_ack=True, fail=False):
                return message
            await asyncio.sleep(0.05)


@pytest.fixture
async def suppressions() -> AsyncIterator[AbstractQueue]:
    """What user-service would hear of, empty at first."""
    async with await aio_pika.connect(server_url("TEST_AMQP_URL")) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(SUPPRESSIONS_QUEUE)
        await queue.purge()
        yield queue
        await queue.purge()


async def test_a_bounce_reaches_those_who_keep_the_suppressions(
    suppressions: AbstractQueue,
) -> None:
    async with running(some_settings()) as client:
        await until_ready(client)
        answer = await client.post(PATH, content=BOUNCE, headers=HEADERS)
        assert answer.status_code == 202
        message = await next_of(suppressions)
    outcome = DeliveryOutcome.model_validate_json(message.body)
    assert message.message_id == str(outcome.event_id)
    assert outcome.kind is OutcomeKind.BOUNCED
    assert outcome.suppression is not None
    assert outcome.suppression.address_digest == address_digest(KEY, NotificationType.EMAIL, JANE)


async def test_without_a_broker_the_mail_server_is_asked_to_keep_it() -> None:
    nobody = "amqp://u:p@127.0.0.1:1/%2F"
    async with running(some_settings(amqp_url=nobody)) as client:
        async with asyncio.timeout(5):
            answer = await client.post(PATH, content=BOUNCE, headers=HEADERS)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0


async def test_without_a_token_set_nobody_may_report() -> None:
    nobody = "amqp://u:p@127.0.0.1:1/%2F"
    async with running(some_settings(amqp_url=nobody, service_tokens=None)) as client:
        answer = await client.post(PATH, content=BOUNCE, headers=HEADERS)
    assert answer.status_code == 401


async def test_the_mail_server_may_report_bounces_and_no_other_status() -> None:
    nobody = "amqp://u:p@127.0.0.1:1/%2F"
    tokens = f"{TOKEN},api-gateway:of-the-gateway"
    report = {
        "notification_id": f"notif_{'0' * 32}",
        "delivery_id": "00000000-0000-7000-8000-000000000001",
        "status": "bounced",
    }
    async with running(some_settings(amqp_url=nobody, service_tokens=tokens)) as client:
        statuses = [
            (
                await client.post("/api/v1/status/", json=report, headers={"X-Service-Token": one})
            ).status_code
            for one in tokens.split(",")
        ]
    assert statuses == [403, 503]
