"""A mail server that nobody here wrote takes our mail, delivers it, and says when it cannot."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

import opendkim
import private_postfix as private
import pytest
import trustme
from bounce_endpoint import TOKEN, BounceEndpoint, bounce_endpoint
from bounce_reports import KEY, SEAL
from cryptography.hazmat.primitives.asymmetric import rsa
from email_deliveries import DELIVERY_ID, NOON, an_email
from private_postfix import PrivatePostfix, private_postfix

from contracts.notification import NotificationType
from contracts.outcome import OutcomeKind
from contracts.suppression import SuppressionReason, address_digest
from delivery.errors import TransientDeliveryError
from email_service.adapters.dkim_signer import DkimSigner
from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_sender import MailSender
from email_service.adapters.smtp_provider import SmtpProvider
from email_service.adapters.smtp_server import SmtpServer, SmtpTls

pytestmark = pytest.mark.skipif(
    private.reason_to_skip() is not None, reason=str(private.reason_to_skip())
)

DKIM_KEY = rsa.generate_private_key(65537, 2048)
NOTIFICATION = "notif_" + "b" * 32
TEXT = ".\r\n.hidden\r\nGrüße 🎉\r\n" + "long " * 400
HTML = "<p>From here</p>\r\n." + "x" * 3000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
async def endpoint() -> AsyncIterator[BounceEndpoint]:
    async with bounce_endpoint() as running:
        yield running


@pytest.fixture
async def postfix(authority: trustme.CA, endpoint: BounceEndpoint) -> AsyncIterator[PrivatePostfix]:
    async with private_postfix(authority, bounce_url=endpoint.url, bounce_token=TOKEN) as running:
        yield running


@asynccontextmanager
async def our_provider(
    postfix: PrivatePostfix, authority: trustme.CA, password: str = private.PASSWORD
) -> AsyncIterator[SmtpProvider]:
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    provider = SmtpProvider(
        SmtpServer(
            private.HOST,
            postfix.port,
            "us.test",
            SmtpTls.STARTTLS,
            username=private.USER,
            password=password,
        ),
        MailSender(
            parse_email_address("no-reply@shop.test"),
            "Shop, Ltd",
            envelope_sender=parse_email_address(f"b@{private.BOUNCE_DOMAIN}"),
        ),
        lambda: NOON,
        references=SEAL,
        dkim=DkimSigner(DKIM_KEY, "shop.test", "mail"),
        tls_context=trust,
    )
    try:
        yield provider
    finally:
        await provider.close()


async def test_a_mail_lies_in_the_mailbox_as_it_was_written_and_its_signature_holds(
    postfix: PrivatePostfix, authority: trustme.CA, tmp_path: Path
) -> None:
    email = an_email(subject="Grüße, Jane", html=HTML, text=TEXT, notification_id=NOTIFICATION)
    async with our_provider(postfix, authority) as provider:
        acceptance = await provider.send(email)
    raw = await postfix.mail_for("jane")
    mail = message_from_bytes(raw, policy=policy.default)
    assert isinstance(mail, EmailMessage)
    assert not mail.defects
    received = " ".join(mail["Received"].split())
    assert "with ESMTPSA" in received  # RFC 3848: STARTTLS and AUTH
    assert f"id {acceptance.provider_message_id}" in received
    assert mail["Return-Path"] == f"<b@{private.BOUNCE_DOMAIN}>"
    assert (mail["From"], mail["To"]) == ('"Shop, Ltd" <no-reply@shop.test>', "jane@example.com")
    assert mail["Subject"] == "Grüße, Jane"
    assert mail["Message-ID"] == f"<{DELIVERY_ID}@shop.test>"
    plain, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert html is not None
    assert (plain.get_content(), html.get_content()) == (TEXT, HTML)
    if not opendkim.is_installed():
        pytest.skip("the signature was not verified: opendkim is not installed")
    on_the_wire = raw.replace(b"\n", b"\r\n")
    assert "succeeded" in opendkim.verdict(on_the_wire, DKIM_KEY, "shop.test", "mail", tmp_path)


async def send_to_nobody(provider: SmtpProvider) -> None:
    await provider.send(
        an_email(
            recipient="nobody@example.com",
            notification_id=NOTIFICATION,
            generation=1,
            attempt=2,
        )
    )


async def test_a_bounce_comes_back_and_suppresses_the_address(
    postfix: PrivatePostfix, authority: trustme.CA, endpoint: BounceEndpoint
) -> None:
    async with our_provider(postfix, authority) as provider:
        await send_to_nobody(provider)
    async with asyncio.timeout(20):
        await endpoint.arrived.wait()
    (outcome,) = endpoint.outcomes
    assert outcome.kind is OutcomeKind.BOUNCED
    assert (outcome.delivery_id, outcome.notification_id) == (DELIVERY_ID, NOTIFICATION)
    assert (outcome.generation, outcome.attempt) == (1, 2)
    assert (outcome.reason, outcome.reply_code) == ("invalid_recipient", "5.1.1")
    assert outcome.detail == 'unknown user: "n***@example.com"'
    assert outcome.correlation_id == "corr-1"
    notice = outcome.suppression
    assert notice is not None
    assert notice.reason is SuppressionReason.HARD_BOUNCE
    digest = address_digest(KEY, NotificationType.EMAIL, "nobody@example.com")
    assert notice.address_digest == digest


async def test_postfix_keeps_a_bounce_until_the_broker_is_back(
    postfix: PrivatePostfix, authority: trustme.CA, endpoint: BounceEndpoint
) -> None:
    endpoint.away = True
    async with our_provider(postfix, authority) as provider:
        await send_to_nobody(provider)
    await postfix.says("status=deferred")
    assert endpoint.outcomes == []
    endpoint.away = False
    async with asyncio.timeout(20):
        await endpoint.arrived.wait()
    assert [outcome.kind for outcome in endpoint.outcomes] == [OutcomeKind.BOUNCED]


async def test_a_wrong_password_is_the_providers_failure(
    postfix: PrivatePostfix, authority: trustme.CA
) -> None:
    async with our_provider(postfix, authority, password="wrong") as provider:
        with pytest.raises(TransientDeliveryError, match="login_refused") as error:
            await provider.send(an_email())
    assert error.value.provider_failed
