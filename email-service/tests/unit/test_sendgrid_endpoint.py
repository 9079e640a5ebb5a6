"""`POST /api/v1/providers/sendgrid/events`, whole, but for the broker."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from email_deliveries import NOON
from fastapi import FastAPI
from sendgrid_posts import SUPPRESSION_KEY, SendGridKey, an_event

from contracts.outcome import DeliveryOutcome, OutcomeKind
from email_service.adapters.sendgrid_signature import SendGridSignatures
from email_service.api.sendgrid_events import router
from email_service.usecases.record_sendgrid_events import RecordSendGridEvents, SignedPost
from servicekit.app import create_app
from servicekit.errors import UnavailableError
from servicekit.metrics import Metrics

PATH = "/api/v1/providers/sendgrid/events"


class FakePublisher:
    """Keeps what is published, or is away."""

    def __init__(self) -> None:
        self.outcomes: list[DeliveryOutcome] = []
        self.is_away = False

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        if self.is_away:
            msg = "The broker does not take events now."
            raise UnavailableError(msg, retry_after=10)
        self.outcomes.extend(outcomes)


@pytest.fixture(scope="module")
def key() -> SendGridKey:
    return SendGridKey()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


def an_app(publisher: FakePublisher, record: RecordSendGridEvents | None) -> FastAPI:
    @asynccontextmanager
    async def nothing_to_open(_: FastAPI) -> AsyncIterator[None]:
        yield

    return create_app(
        service="email-service",
        version="0",
        description="",
        routers=[router],
        checks={},
        metrics=Metrics(),
        lifespan=nothing_to_open,
        state={"publish_outcomes": publisher, "record_sendgrid_events": record},
    )


@pytest.fixture
async def client(publisher: FakePublisher, key: SendGridKey) -> AsyncIterator[httpx.AsyncClient]:
    signatures = SendGridSignatures((key.public,), lambda: NOON)
    app = an_app(publisher, RecordSendGridEvents(signatures, SUPPRESSION_KEY))
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as made:
        yield made


async def send(client: httpx.AsyncClient, post: SignedPost) -> httpx.Response:
    headers = {
        "Content-Type": "application/json",
        "X-Twilio-Email-Event-Webhook-Timestamp": post.timestamp,
        "X-Twilio-Email-Event-Webhook-Signature": post.signature,
    }
    return await client.post(PATH, content=post.body, headers=headers)


async def test_records_the_events_of_our_mails_and_counts_the_others(
    client: httpx.AsyncClient, publisher: FakePublisher, key: SendGridKey
) -> None:
    post = key.post(
        an_event("bounce", type="bounce", status="5.1.1"),
        an_event("open"),
        an_event("bounce", delivery_id=None),
        an_event("spamreport"),
        an_event("spamreport", sg_event_id="again"),
    )
    answer = await send(client, post)
    assert answer.status_code == 200
    assert answer.json()["data"] == {"recorded": 2, "passed_over": 1, "foreign": 1}
    kinds = [outcome.kind for outcome in publisher.outcomes]
    assert kinds == [OutcomeKind.BOUNCED, OutcomeKind.COMPLAINED]


async def test_reads_nothing_that_is_not_signed(
    client: httpx.AsyncClient, publisher: FakePublisher, key: SendGridKey
) -> None:
    good = key.post(an_event("spamreport"))
    forged = SignedPost(good.timestamp, good.signature, good.body.replace(b"Jane", b"Mary"))
    for post in (forged, SignedPost("", "", b"{"), SendGridKey().post(an_event("spamreport"))):
        answer = await send(client, post)
        assert (answer.status_code, answer.json()["error"]) == (401, "unauthenticated")
    assert not publisher.outcomes


async def test_is_repeated_while_the_broker_is_away(
    client: httpx.AsyncClient, publisher: FakePublisher, key: SendGridKey
) -> None:
    publisher.is_away = True
    post = key.post(an_event("spamreport"))
    answer = await send(client, post)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    publisher.is_away = False
    assert (await send(client, post)).status_code == 200
    assert len(publisher.outcomes) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"{}", b"[5]", b'"x"', b"\xff", b"[" * 50_000])
async def test_refuses_a_signed_post_that_is_no_list_of_events(
    client: httpx.AsyncClient, key: SendGridKey, body: bytes
) -> None:
    answer = await send(client, key.sign(body))
    assert (answer.status_code, answer.json()["error"]) == (400, "malformed_request")


async def test_an_empty_list_publishes_nothing(
    client: httpx.AsyncClient, publisher: FakePublisher, key: SendGridKey
) -> None:
    publisher.is_away = True
    assert (await send(client, key.post())).status_code == 200


async def test_without_a_key_there_is_no_such_endpoint(
    publisher: FakePublisher, key: SendGridKey
) -> None:
    transport = httpx.ASGITransport(an_app(publisher, None))
    async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
        answer = await send(client, key.post(an_event("spamreport")))
    body: dict[str, Any] = answer.json()
    assert answer.status_code == 404
    assert "SENDGRID_WEBHOOK_PUBLIC_KEY" in body["message"]
