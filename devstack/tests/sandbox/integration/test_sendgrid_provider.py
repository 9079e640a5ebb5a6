"""The sandbox and email-service understand each other: mails one way, signed events the other."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn

from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionReason, address_digest
from delivery.errors import (
    AmbiguousDeliveryError,
    InvalidRecipientError,
    TransientDeliveryError,
)
from delivery.provider import OutgoingDelivery
from devstack.sandbox.sandbox_process import SandboxProcess
from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.sendgrid_account import SendGridAccount
from email_service.adapters.sendgrid_provider import SendGridProvider
from email_service.adapters.sendgrid_signature import SendGridSignatures, parse_public_keys
from email_service.api.sendgrid_events import router
from email_service.usecases.record_sendgrid_events import RecordSendGridEvents
from servicekit.app import create_app
from servicekit.metrics import Metrics
from templating import RenderedEmail

KEY = b"k" * 32


class Log(Protocol):
    start: int

    async def entries(self) -> list[dict[str, Any]]: ...


def now() -> datetime:
    return datetime.now(UTC)


def an_email(recipient: str = "jane@example.com") -> OutgoingDelivery[RenderedEmail]:
    message = DeliveryMessage(
        delivery_id=uuid4(),
        notification_id="notif_1",
        notification_type=NotificationType.EMAIL,
        user_id=UUID(int=7),
        client_id="shop",
        recipient=recipient,
        template_code="welcome",
        template_version=1,
        language="en",
        category="account",
        variables={},
        correlation_id="corr-1",
        priority=5,
        generation=1,
        retry_count=2,
        created_at=now(),
    )
    return OutgoingDelivery(message, RenderedEmail("Größe", "<p>Hi</p>", "Hi"), attempt=3)


@pytest.fixture
async def provider(sandbox: SandboxProcess) -> AsyncIterator[SendGridProvider]:
    account = SendGridAccount(
        "SG.sandbox",
        sandbox.https.replace("127.0.0.1", "localhost"),
        ca_file=str(sandbox.ca),
        timeout_seconds=1.0,
    )
    sender = MailSender(
        parse_email_address("no-reply@acme.test"),
        "Acme, Ltd.",
        reply_to=parse_email_address("help@acme.test"),
    )
    made = SendGridProvider(account, sender, now)
    yield made
    await made.close()


async def test_the_mail_arrives_as_it_was_rendered(
    api: httpx.AsyncClient, provider: SendGridProvider, log: Log
) -> None:
    email = an_email()
    acceptance = await provider.send(email)
    (entry,) = await log.entries()
    delivery_id = str(email.message.delivery_id)
    assert (entry["accepted"], entry["delivery_id"]) == (True, delivery_id)
    assert entry["message_id"] == f"{delivery_id}@acme.test"
    assert acceptance.provider_message_id
    opened = (await api.get("/api/v1/message/latest")).json()
    assert (opened["Subject"], opened["Text"].strip()) == ("Größe", "Hi")
    assert opened["From"] == {"Name": "Acme, Ltd.", "Address": "no-reply@acme.test"}
    assert opened["ReplyTo"] == [{"Name": "", "Address": "help@acme.test"}]
    headers = (await api.get("/api/v1/message/latest/headers")).json()
    assert headers["Auto-Submitted"] == ["auto-generated"]
    assert headers["X-Delivery-Id"] == [delivery_id]
    assert headers["X-Correlation-Id"] == ["corr-1"]


async def test_sendgrid_refuses_another_key(sandbox: SandboxProcess) -> None:
    sender = MailSender(parse_email_address("no-reply@acme.test"))
    provider = SendGridProvider(SendGridAccount("SG.other", sandbox.http), sender, now)
    with pytest.raises(TransientDeliveryError, match="credentials_refused") as error:
        await provider.send(an_email())
    await provider.close()
    assert error.value.provider_failed


async def test_sendgrid_refuses_an_address(provider: SendGridProvider) -> None:
    with pytest.raises(InvalidRecipientError, match="Does not contain a valid address"):
        await provider.send(an_email("jane@localhost"))


async def test_sendgrid_says_when_to_come_back(
    api: httpx.AsyncClient, provider: SendGridProvider
) -> None:
    rule = {"status": 429, "retry_after": 30, "times": 1}
    await api.put("/sandbox/failures/sendgrid", json=[rule])
    with pytest.raises(TransientDeliveryError, match="throttled") as error:
        await provider.send(an_email())
    assert error.value.provider_failed
    assert error.value.retry_after is not None
    assert 25 < error.value.retry_after <= 30.5
    await provider.send(an_email())


@pytest.mark.parametrize(
    ("action", "stored"),
    [
        ("drop_before_accept", 0),
        ("drop_after_accept", 1),
        ("hang", 0),
        ("hang_after_accept", 1),
        ("drip", 1),
    ],
)
async def test_a_lost_answer_is_ambiguous(
    api: httpx.AsyncClient, provider: SendGridProvider, action: str, stored: int
) -> None:
    await api.put("/sandbox/failures/sendgrid", json=[{"action": action, "times": 1}])
    with pytest.raises(AmbiguousDeliveryError, match="answer_lost"):
        await provider.send(an_email())
    assert (await api.get("/api/v1/messages")).json()["total"] == stored
    await provider.send(an_email())


@dataclass
class Webhook:
    """The endpoint of email-service, served on a port; what it publishes is kept."""

    url: str = ""
    outcomes: list[DeliveryOutcome] = field(default_factory=list)

    async def publish(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        self.outcomes.extend(outcomes)


@pytest.fixture
async def webhook(api: httpx.AsyncClient) -> AsyncIterator[Webhook]:
    hook = Webhook()
    shown = (await api.get("/sandbox/sendgrid/public-key")).json()["public_key"]
    signatures = SendGridSignatures(parse_public_keys(shown), now)

    @asynccontextmanager
    async def nothing_to_open(_: object) -> AsyncIterator[None]:
        yield

    app = create_app(
        service="email-service",
        version="0",
        description="",
        routers=[router],
        checks={},
        metrics=Metrics(),
        lifespan=nothing_to_open,
        state={
            "publish_outcomes": hook.publish,
            "record_sendgrid_events": RecordSendGridEvents(signatures, KEY),
        },
    )
    sock = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
    serving = asyncio.create_task(server.serve(sockets=[sock]))
    hook.url = f"http://127.0.0.1:{sock.getsockname()[1]}/api/v1/providers/sendgrid/events"
    yield hook
    server.should_exit = True
    await serving


async def test_what_becomes_of_a_mail_comes_back_as_outcomes(
    api: httpx.AsyncClient, provider: SendGridProvider, webhook: Webhook
) -> None:
    email = an_email()
    acceptance = await provider.send(email)
    names = ["processed", "deferred", "delivered", "bounce", "spamreport", "open"]
    events = [{"event": name, "message_id": acceptance.provider_message_id} for name in names]
    order = {"url": webhook.url, "events": [*events, {"event": "bounce"}]}
    answer = (await api.post("/sandbox/sendgrid/events", json=order)).json()
    assert answer["status"] == 200
    counted = json.loads(answer["body"])["data"]
    assert counted == {"recorded": 4, "passed_over": 2, "foreign": 1}
    assert [outcome.kind for outcome in webhook.outcomes] == [
        OutcomeKind.DEFERRED,
        OutcomeKind.SENT,
        OutcomeKind.BOUNCED,
        OutcomeKind.COMPLAINED,
    ]
    for outcome in webhook.outcomes:
        assert outcome.delivery_id == email.message.delivery_id
        assert (outcome.notification_id, outcome.correlation_id) == ("notif_1", "corr-1")
        assert (outcome.generation, outcome.attempt) == (1, 3)
    suppressions = [outcome.suppression for outcome in webhook.outcomes[2:]]
    digest = address_digest(KEY, NotificationType.EMAIL, "jane@example.com")
    assert [(s.reason, s.address_digest) for s in suppressions if s] == [
        (SuppressionReason.HARD_BOUNCE, digest),
        (SuppressionReason.COMPLAINT, digest),
    ]


async def test_an_old_post_is_refused(api: httpx.AsyncClient, webhook: Webhook) -> None:
    order = {"url": webhook.url, "events": [{"event": "bounce"}], "timestamp": "1600112502"}
    answer = (await api.post("/sandbox/sendgrid/events", json=order)).json()
    assert answer["status"] == 401
    assert not webhook.outcomes
