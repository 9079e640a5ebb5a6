from collections.abc import Sequence
from datetime import UTC, datetime

import pytest
from bounce_reports import (
    EXCHANGE,
    EXIM,
    GMAIL,
    JANE,
    KEY,
    REFERENCE,
    SEAL,
    a_recipient,
    a_reference,
    a_report,
)
from email_deliveries import NOON

from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionReason, address_digest
from email_service.usecases.record_bounce import RecordBounce
from servicekit.errors import UnavailableError, UnprocessableContentError


class Broker:
    """Keeps what is published."""

    def __init__(self) -> None:
        self.outcomes: list[DeliveryOutcome] = []

    async def __call__(self, outcomes: Sequence[DeliveryOutcome]) -> None:
        self.outcomes.extend(outcomes)


async def record(raw: bytes) -> DeliveryOutcome | None:
    """What is recorded, which is what is published."""
    broker = Broker()
    outcome = await RecordBounce(SEAL, lambda: NOON)(raw, broker, "of-the-request")
    assert broker.outcomes == ([outcome] if outcome else [])
    return outcome


async def recorded(raw: bytes) -> DeliveryOutcome:
    outcome = await record(raw)
    assert outcome is not None
    return outcome


async def test_a_failed_delivery_is_a_bounce_of_that_very_attempt() -> None:
    outcome = await recorded(a_report(a_recipient(), envelope_id=a_reference()))
    assert outcome.kind is OutcomeKind.BOUNCED
    assert (outcome.delivery_id, outcome.notification_id) == (
        REFERENCE.delivery_id,
        REFERENCE.notification_id,
    )
    assert (outcome.generation, outcome.attempt, outcome.at) == (2, 3, NOON)
    assert (outcome.reason, outcome.reply_code) == ("invalid_recipient", "5.1.1")
    assert outcome.correlation_id == "of-the-request"


async def test_a_dead_address_is_suppressed() -> None:
    outcome = await recorded(a_report(a_recipient(), envelope_id=a_reference()))
    notice = outcome.suppression
    assert notice is not None
    assert notice.address_digest == address_digest(KEY, NotificationType.EMAIL, JANE)
    assert (notice.reason, notice.source) == (SuppressionReason.HARD_BOUNCE, "dsn")


async def test_no_address_is_in_what_is_recorded() -> None:
    outcome = await recorded(a_report(a_recipient(), envelope_id=a_reference()))
    assert outcome.detail is not None
    assert "j***@example.com" in outcome.detail
    assert "jane" not in outcome.model_dump_json()


@pytest.mark.parametrize("status", ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.1"])
async def test_these_say_that_an_address_is_dead(status: str) -> None:
    raw = a_report(a_recipient(status=status), envelope_id=a_reference())
    assert (await recorded(raw)).suppression is not None


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("5.2.2", "mailbox_full"),
        ("5.7.1", "policy_refused"),
        ("4.4.1", "network_or_routing"),
        ("4.1.1", "address_refused"),
        ("5.1.8", "address_refused"),
        ("5.0.0", "refused_later"),
        ("5.4.4", "network_or_routing"),
    ],
)
async def test_these_do_not(status: str, reason: str) -> None:
    raw = a_report(a_recipient(status=status, diagnostic=""), envelope_id=a_reference())
    outcome = await recorded(raw)
    assert outcome.kind is OutcomeKind.BOUNCED
    assert (outcome.reason, outcome.reply_code, outcome.detail) == (reason, status, None)
    assert outcome.suppression is None


async def test_a_delay_is_reported_and_suppresses_nothing() -> None:
    recipient = a_recipient(action="delayed", status="4.4.1", diagnostic="smtp; timed out")
    outcome = await recorded(a_report(recipient, envelope_id=a_reference()))
    assert (outcome.kind, outcome.detail) == (OutcomeKind.DEFERRED, "timed out")
    assert outcome.suppression is None


@pytest.mark.parametrize("action", ["delivered", "relayed", "expanded"])
async def test_good_news_records_nothing(action: str) -> None:
    recipient = a_recipient(action=action, status="2.0.0")
    assert await record(a_report(recipient, envelope_id=a_reference())) is None


async def test_the_same_report_again_is_the_same_event() -> None:
    raw = a_report(a_recipient(), envelope_id=a_reference())
    assert (await recorded(raw)).event_id == (await recorded(raw)).event_id


async def test_a_report_that_comes_late_tells_of_when_it_was_written() -> None:
    raw = a_report(a_recipient(), envelope_id=a_reference())
    broker, days_later = Broker(), datetime(2026, 11, 28, tzinfo=UTC)
    outcome = await RecordBounce(SEAL, lambda: days_later)(raw, broker, "of-the-request")
    assert outcome is not None
    assert outcome.at == datetime(2026, 11, 21, 1, 0, 1, 999_000, tzinfo=UTC)


@pytest.mark.parametrize("date", [b"Date: never", b"Date: " + b"9" * 5000, b"X-Date: none"])
async def test_a_report_that_does_not_say_when_it_was_written_is_of_now(date: bytes) -> None:
    raw = a_report(a_recipient(), envelope_id=a_reference())
    outcome = await recorded(raw.replace(b"Date: Sat, 21 Nov 2026 01:00:01 +0000 (UTC)", date, 1))
    assert outcome.at == NOON


async def test_a_bounce_and_a_delay_are_different_events() -> None:
    bounce = await recorded(a_report(a_recipient(), envelope_id=a_reference()))
    delayed = a_recipient(action="delayed", status="4.4.1")
    delay = await recorded(a_report(delayed, envelope_id=a_reference()))
    assert bounce.event_id != delay.event_id


async def test_a_server_without_dsn_brings_the_reference_back_in_the_headers() -> None:
    outcome = await recorded(EXIM.format(reference=a_reference()).encode())
    assert outcome.delivery_id == REFERENCE.delivery_id
    assert outcome.correlation_id == "corr-1"
    assert outcome.suppression is not None


@pytest.mark.parametrize(
    ("report", "status"),
    [(EXIM, "5.1.1"), (GMAIL, "5.1.1"), (EXCHANGE, "5.1.10")],
    ids=["exim", "gmail", "exchange"],
)
async def test_reports_of_the_servers_that_there_are_suppress_the_address(
    report: str, status: str
) -> None:
    outcome = await recorded(report.format(reference=a_reference()).encode())
    assert (outcome.kind, outcome.reply_code) == (OutcomeKind.BOUNCED, status)
    assert outcome.suppression is not None


async def test_a_forged_bounce_suppresses_nobody_and_is_refused() -> None:
    """Jane has her own reference, and would like Joe to get no mail any more."""
    joe = a_recipient(original="rfc822;joe@example.com", final="rfc822;joe@example.com")
    raw = a_report(joe, envelope_id=a_reference(), returned="To: joe@example.com\n")
    with pytest.raises(UnprocessableContentError, match="no reference that was made for"):
        await record(raw)


async def test_her_own_reference_beside_joe_s_address_does_not_suppress_joe() -> None:
    joe = a_recipient(original=None, final="rfc822;joe@example.com")
    outcome = await recorded(a_report(joe, envelope_id=a_reference()))
    assert outcome.delivery_id == REFERENCE.delivery_id
    assert outcome.suppression is None


async def test_of_several_recipients_the_one_we_wrote_to_counts() -> None:
    joe = a_recipient(original=None, final="rfc822;joe@example.com", status="5.7.1")
    jane = a_recipient(status="5.1.1")
    outcome = await recorded(a_report(joe, jane, envelope_id=a_reference()))
    assert outcome.reply_code == "5.1.1"
    assert outcome.suppression is not None


async def test_a_forwarded_mail_s_original_address_is_what_counts() -> None:
    forwarded = a_recipient(final="rfc822; jane.doe@elsewhere.example")
    outcome = await recorded(a_report(forwarded, envelope_id=a_reference(), returned=None))
    assert outcome.suppression is not None


@pytest.mark.parametrize("envelope_id", [None, "", "somebody-elses", "x" * 5000])
async def test_a_report_without_our_reference_is_refused(envelope_id: str | None) -> None:
    with pytest.raises(UnprocessableContentError, match="brings back no reference"):
        await record(a_report(a_recipient(), envelope_id=envelope_id))


async def test_what_is_no_report_is_refused_with_the_reason() -> None:
    with pytest.raises(UnprocessableContentError, match="it is text/plain, and"):
        await record(b"Subject: Out of office\r\n\r\nI am away.")


@pytest.mark.parametrize(
    ("given", "original", "final"),
    [
        ("jane+news@example.com", "rfc822;jane+2Bnews@example.com", "rfc822; x@y.z"),
        ("jane+news@example.com", "rfc822;jane+news@example.com", "rfc822; x@y.z"),
        ("jane+news@ab--cd.example", "rfc822;jane+2Bnews@ab--cd.example", "rfc822; x@y.z"),
        ("jane@bücher.example", None, "rfc822; jane@xn--bcher-kva.example"),
        ("jörg@bücher.example", None, "utf-8; jörg@xn--bcher-kva.example"),
        ("jörg@bücher.example", None, r"utf-8; j\x{F6}rg@xn--bcher-kva.example"),
        ("Jane@Example.com", None, "rfc822; <jane@example.com>"),
    ],
)
async def test_an_address_is_recognised_in_every_form_it_comes_back_in(
    given: str, original: str | None, final: str
) -> None:
    recipient = a_recipient(original=original, final=final)
    outcome = await recorded(a_report(recipient, envelope_id=a_reference(given), returned=None))
    notice = outcome.suppression
    assert notice is not None
    assert notice.address_digest == address_digest(KEY, NotificationType.EMAIL, given)


async def test_a_broker_that_is_away_is_said_to_the_caller() -> None:
    async def away(_: Sequence[DeliveryOutcome]) -> None:
        raise UnavailableError("The broker does not take events now.")

    raw = a_report(a_recipient(), envelope_id=a_reference())
    with pytest.raises(UnavailableError):
        await RecordBounce(SEAL, lambda: NOON)(raw, away, "c")
