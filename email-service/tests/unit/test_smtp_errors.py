import ssl

import aiosmtplib
import pytest
from aiosmtplib import errors as aiosmtplib_errors

from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    InvalidRecipientError,
    PermanentDeliveryError,
    TransientDeliveryError,
)
from email_service.adapters.smtp_errors import Stage, reply_to_error, to_delivery_error

SAMPLES: dict[type[Exception], aiosmtplib.SMTPException] = {
    type(sample): sample
    for sample in (
        aiosmtplib.SMTPException("STARTTLS extension not supported"),
        aiosmtplib.SMTPServerDisconnected("gone"),
        aiosmtplib.SMTPConnectError("refused"),
        aiosmtplib.SMTPTimeoutError("late"),
        aiosmtplib.SMTPConnectTimeoutError("late"),
        aiosmtplib.SMTPReadTimeoutError("late"),
        aiosmtplib.SMTPNotSupported("no"),
        aiosmtplib.SMTPResponseException(-1, "Malformed SMTP response line"),
        aiosmtplib.SMTPConnectResponseError(554, "no service"),
        aiosmtplib.SMTPHeloError(550, "who?"),
        aiosmtplib.SMTPDataError(554, "spam"),
        aiosmtplib.SMTPAuthenticationError(535, "5.7.8 no"),
        aiosmtplib.SMTPSenderRefused(550, "no", "a@example.com"),
        aiosmtplib.SMTPRecipientRefused(550, "5.1.1 no", "b@example.com"),
        aiosmtplib.SMTPRecipientsRefused(
            [aiosmtplib.SMTPRecipientRefused(550, "5.1.1 no", "b@example.com")]
        ),
    )
}


def test_every_exception_class_of_aiosmtplib_has_a_sample() -> None:
    classes = {
        value
        for value in vars(aiosmtplib_errors).values()
        if isinstance(value, type) and issubclass(value, aiosmtplib.SMTPException)
    }
    assert classes == set(SAMPLES)


@pytest.mark.parametrize("stage", Stage)
@pytest.mark.parametrize("sample", SAMPLES.values(), ids=lambda sample: type(sample).__name__)
def test_each_becomes_a_delivery_error_at_each_stage(
    sample: aiosmtplib.SMTPException, stage: Stage
) -> None:
    error = to_delivery_error(sample, stage)
    assert isinstance(error, DeliveryError)
    if stage is Stage.CONNECT and not isinstance(sample, aiosmtplib.SMTPRecipientsRefused):
        assert isinstance(error, TransientDeliveryError)
        assert error.provider_failed


@pytest.mark.parametrize(
    "failure",
    [
        aiosmtplib.SMTPServerDisconnected("gone"),
        aiosmtplib.SMTPReadTimeoutError("late"),
        aiosmtplib.SMTPResponseException(-1, "garbage"),
        ConnectionResetError(),
        ssl.SSLError("bad record"),
    ],
    ids=lambda failure: type(failure).__name__,
)
def test_a_lost_answer_is_ambiguous_only_after_the_final_dot(
    failure: aiosmtplib.SMTPException | OSError,
) -> None:
    for stage in (Stage.CONNECT, Stage.SENDER, Stage.RECIPIENT, Stage.DATA):
        before = to_delivery_error(failure, stage)
        assert isinstance(before, TransientDeliveryError)
        # Perhaps it waits for the recipient's own server.
        is_silence = stage is Stage.RECIPIENT and isinstance(failure, TimeoutError)
        assert (before.fell_silent, before.provider_failed) == (is_silence, not is_silence)
    assert isinstance(to_delivery_error(failure, Stage.REPLY), AmbiguousDeliveryError)


R, S, D, E = Stage.RECIPIENT, Stage.SENDER, Stage.DATA, Stage.REPLY
_STAGE_WORDS = {
    S: "sender_refused",
    R: "recipient_refused",
    D: "data_refused",
    E: "message_refused",
}
T, P, I = TransientDeliveryError, PermanentDeliveryError, InvalidRecipientError  # noqa: E741


@pytest.mark.parametrize(
    ("stage", "code", "text", "kind", "reason", "reply_code"),
    [
        (R, 450, "4.2.0 Greylisted", T, "mailbox_unavailable", "450 4.2.0"),
        (R, 451, "try later", T, "recipient_refused", "451"),
        (S, 452, "4.3.1 Insufficient storage", T, "mail_system_refused", "452 4.3.1"),
        (E, 451, "4.7.1 later", T, "policy_refused", "451 4.7.1"),
        (R, 550, "5.1.1 User unknown", I, "invalid_recipient", "550 5.1.1"),
        (R, 550, "5.1.10 Null MX", I, "invalid_recipient", "550 5.1.10"),
        (R, 550, "5.2.1 Disabled", I, "invalid_recipient", "550 5.2.1"),
        (E, 550, "5.1.1 User unknown", I, "invalid_recipient", "550 5.1.1"),
        (S, 553, "5.1.3 Bad sender address", P, "address_refused", "553 5.1.3"),
        (R, 551, "User not local", I, "invalid_recipient", "551"),
        (R, 553, "Mailbox name not allowed", I, "invalid_recipient", "553"),
        (S, 553, "Sender not allowed", P, "sender_refused", "553"),
        (R, 553, "5.7.1 Rejected by policy", P, "policy_refused", "553 5.7.1"),
        (R, 550, "No such user, or spam, who knows", P, "recipient_refused", "550"),
        (R, 550, "5.1.100 not a code we know", P, "address_refused", "550 5.1.100"),
        (R, 552, "Mailbox full", T, "mailbox_full", "552"),
        (R, 550, "5.2.2 Over quota", T, "mailbox_full", "550 5.2.2"),
        (R, 452, "4.2.2 Over quota", T, "mailbox_full", "452 4.2.2"),
        (E, 552, "5.3.4 Message too big", P, "mail_system_refused", "552 5.3.4"),
        (E, 550, "5.7.1 Spam", P, "policy_refused", "550 5.7.1"),
        (E, 554, "Transaction failed", P, "message_refused", "554"),
        (D, 554, "No valid recipients", P, "data_refused", "554"),
        (R, 550, "4.7.0 Contradictory: enhanced wins", T, "policy_refused", "550 4.7.0"),
        (R, 550, "2.0.0 Nonsense", P, "recipient_refused", "550"),
    ],
)
def test_enhanced_code_decides_then_basic_code_then_stage(
    stage: Stage, code: int, text: str, kind: type[DeliveryError], reason: str, reply_code: str
) -> None:
    error = reply_to_error(code, text, stage)
    assert type(error) is kind
    assert (error.reason, error.reply_code, error.detail) == (reason, reply_code, text)
    assert not getattr(error, "provider_failed", False)


@pytest.mark.parametrize("stage", [R, E])
@pytest.mark.parametrize("code", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
@pytest.mark.parametrize("basic", [550, 551, 553, 554])
def test_every_code_that_says_an_address_is_dead_says_so_of_the_recipient_only(
    stage: Stage, code: str, basic: int
) -> None:
    about_recipient = reply_to_error(basic, f"{code} words", stage)
    assert type(about_recipient) is InvalidRecipientError
    assert about_recipient.reply_code == f"{basic} {code}"
    about_sender = reply_to_error(basic, f"{code} words", S)
    assert type(about_sender) is PermanentDeliveryError


@pytest.mark.parametrize("stage", [S, R, D, E])
@pytest.mark.parametrize(
    ("code", "text"),
    [(552, "5.2.2 Full"), (552, "4.2.2 Full"), (550, "5.2.2 Full"), (452, "4.2.2 Full"), (552, "")],
)
def test_a_full_mailbox_is_never_final(stage: Stage, code: int, text: str) -> None:
    error = reply_to_error(code, text, stage)
    assert type(error) is TransientDeliveryError
    assert (error.reason, error.provider_failed) == ("mailbox_full", False)


@pytest.mark.parametrize("stage", [S, R, D, E])
@pytest.mark.parametrize("subject", range(10))
@pytest.mark.parametrize("detail", [0, 5, 99, 999])
def test_the_class_of_an_enhanced_code_decides_whether_to_try_again(
    stage: Stage, subject: int, detail: int
) -> None:
    """A basic code of the other class changes nothing; each subject has a word of its own."""
    words = {
        1: "address_refused",
        2: "mailbox_unavailable",
        3: "mail_system_refused",
        4: "network_or_routing",
        5: "protocol_refused",
        6: "content_refused",
        7: "policy_refused",
    }
    for_later = reply_to_error(550, f"4.{subject}.{detail} words", stage)
    for_good = reply_to_error(450, f"5.{subject}.{detail} words", stage)
    assert type(for_later) is TransientDeliveryError
    assert not for_later.provider_failed
    assert type(for_good) is PermanentDeliveryError
    assert for_later.reason == for_good.reason == words.get(subject, _STAGE_WORDS[stage])


@pytest.mark.parametrize("stage", [S, R, D, E])
@pytest.mark.parametrize("code", [450, 451, 452, 454, 455, 499])
def test_without_an_enhanced_code_every_4xx_is_tried_again(stage: Stage, code: int) -> None:
    error = reply_to_error(code, "later", stage)
    assert type(error) is TransientDeliveryError
    assert (error.provider_failed, error.reply_code) == (False, str(code))


@pytest.mark.parametrize("stage", [S, R, D, E])
@pytest.mark.parametrize("code", [500, 501, 502, 503, 504, 521, 541, 550, 554, 555, 556, 571, 599])
def test_without_an_enhanced_code_every_other_5xx_is_final_and_kills_no_address(
    stage: Stage, code: int
) -> None:
    assert type(reply_to_error(code, "no", stage)) is PermanentDeliveryError


@pytest.mark.parametrize("code", ["5.7.0", "5.7.1", "5.7.23", "5.7.26", "5.7.27", "5.7.509"])
def test_a_policy_kills_no_address(code: str) -> None:
    error = reply_to_error(550, f"{code} not from you", R)
    assert (type(error), error.reason) == (PermanentDeliveryError, "policy_refused")


@pytest.mark.parametrize(
    ("stage", "code", "text", "reason"),
    [
        (R, 421, "4.7.0 Too many connections", "service_unavailable"),
        (E, 421, "closing", "service_unavailable"),
        (S, 530, "5.7.0 Authentication required", "login_refused"),
        (S, 535, "no", "login_refused"),
        (S, 534, "no", "login_refused"),
        (R, 538, "no", "login_refused"),
        (S, 550, "5.7.8 Credentials invalid", "login_refused"),
        (Stage.CONNECT, 535, "5.7.8 Bad", "login_refused"),
        (Stage.CONNECT, 554, "5.1.1 No service for you", "connect_refused"),
    ],
)
def test_trouble_with_the_server_is_not_the_recipients(
    stage: Stage, code: int, text: str, reason: str
) -> None:
    error = reply_to_error(code, text, stage)
    assert isinstance(error, TransientDeliveryError)
    assert (error.reason, error.provider_failed) == (reason, True)
