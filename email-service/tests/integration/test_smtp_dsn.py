"""Delivery status notifications are asked for where they are offered (RFC 3461)."""

from email import message_from_bytes

import pytest
from bounce_reports import SEAL
from email_deliveries import DELIVERY_ID, an_email
from scripted_smtp_server import ReceivedMail, scripted_smtp_server
from smtp_providers import a_provider

from email_service.domain.delivery_reference import DeliveryReference

NOTIFICATION = "notif_" + "a" * 32
WITH_DSN = ("SIZE 1000000", "8BITMIME", "SMTPUTF8", "DSN")


async def mail_received(
    extensions: tuple[str, ...] = WITH_DSN,
    *,
    recipient: str = "jane@example.com",
    notification_id: str = NOTIFICATION,
) -> ReceivedMail:
    email = an_email(recipient=recipient, notification_id=notification_id, generation=2, attempt=3)
    async with (
        scripted_smtp_server(extensions) as server,
        a_provider(server.port, references=SEAL) as provider,
    ):
        await provider.send(email)
    (mail,) = server.mails
    return mail


def reference_in(mail: ReceivedMail) -> str:
    return str(message_from_bytes(mail.content)["X-Delivery-Reference"])


async def test_a_server_with_dsn_is_told_whom_to_tell_what() -> None:
    mail = await mail_received()
    options = mail.sender.split(" ")[1:]
    assert options[1:] == ["RET=HDRS", f"ENVID={reference_in(mail)}"]
    assert mail.recipient == (
        "<jane@example.com> NOTIFY=FAILURE,DELAY ORCPT=rfc822;jane@example.com"
    )


async def test_the_reference_is_of_this_attempt_and_address() -> None:
    mail = await mail_received(recipient="Jane@Example.com")
    verified = SEAL.verify(reference_in(mail), ["jane@example.com"])
    assert verified is not None
    assert verified.reference == DeliveryReference(DELIVERY_ID, NOTIFICATION, 2, 3)


async def test_a_server_without_dsn_gets_no_parameter_that_it_does_not_know() -> None:
    mail = await mail_received(("SIZE 1000000", "8BITMIME"))
    assert mail.sender == f"<no-reply@example.com> SIZE={len(mail.content)}"
    assert mail.recipient == "<jane@example.com>"
    assert SEAL.verify(reference_in(mail), ["jane@example.com"])


@pytest.mark.parametrize(
    ("recipient", "orcpt"),
    [
        ("jane+news@example.com", "rfc822;jane+2Bnews@example.com"),
        ("a=b@example.com", "rfc822;a+3Db@example.com"),
    ],
)
async def test_an_address_is_escaped_where_its_characters_have_a_meaning(
    recipient: str, orcpt: str
) -> None:
    mail = await mail_received(recipient=recipient)
    assert mail.recipient.endswith(f" ORCPT={orcpt}")


async def test_an_address_beyond_ascii_is_not_repeated() -> None:
    mail = await mail_received(recipient="jörg@example.com")
    assert mail.recipient == "<jörg@example.com> NOTIFY=FAILURE,DELAY"


async def test_a_delivery_that_no_reference_can_name_is_sent_all_the_same() -> None:
    mail = await mail_received(notification_id="not to be named")
    assert "ENVID" not in mail.sender
    assert "X-Delivery-Reference" not in message_from_bytes(mail.content)
