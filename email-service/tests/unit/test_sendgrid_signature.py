"""Which posts are SendGrid's."""

import base64
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from email_deliveries import NOON
from sendgrid_posts import NOW, SendGridKey

from email_service.adapters.sendgrid_signature import (
    PublicKeyError,
    SendGridSignatures,
    parse_public_keys,
)

BODY = b'[{"event": "open"}]\r\n'

# A real post, as sendgrid-python's own tests have it (test/unit/test_eventwebhook.py)
KNOWN_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+"
    "2fNNRaINXvVpiglSI8eNEc6wEA3F+g=="
)
KNOWN_TIMESTAMP = "1600112502"
KNOWN_SIGNATURE = (
    "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZ"
    "tM="
)
KNOWN_BODY = (
    b'[{"email":"hello@world.com","event":"dropped","reason":"Bounced Address",'
    b'"sg_event_id":"ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",'
    b'"sg_message_id":"LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",'
    b'"smtp-id":"<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",'
    b'"timestamp":1600112492}]\r\n'
)


@pytest.fixture(scope="module")
def key() -> SendGridKey:
    return SendGridKey()


def signatures(*keys: SendGridKey, hours_later: float = 0) -> SendGridSignatures:
    now = NOON + timedelta(hours=hours_later)
    return SendGridSignatures(tuple(key.public for key in keys), lambda: now)


def test_knows_what_sendgrid_signed(key: SendGridKey) -> None:
    post = key.sign(BODY)
    assert signatures(key).are_valid(post.timestamp, post.signature, post.body)


def test_knows_a_post_that_sendgrid_itself_signed() -> None:
    then = datetime.fromtimestamp(int(KNOWN_TIMESTAMP) + 1, UTC)
    checked = SendGridSignatures(parse_public_keys(KNOWN_KEY), lambda: then)
    assert checked.are_valid(KNOWN_TIMESTAMP, KNOWN_SIGNATURE, KNOWN_BODY)
    assert not checked.are_valid(KNOWN_TIMESTAMP, KNOWN_SIGNATURE, KNOWN_BODY.rstrip())


def test_knows_either_key_while_keys_are_being_changed(key: SendGridKey) -> None:
    post = key.sign(BODY)
    assert signatures(SendGridKey(), key).are_valid(post.timestamp, post.signature, post.body)
    assert not signatures(SendGridKey()).are_valid(post.timestamp, post.signature, post.body)


@pytest.mark.parametrize(
    ("timestamp", "body"),
    [
        (NOW, BODY[:-1]),
        (NOW, b" " + BODY),
        (str(int(NOW) + 1), BODY),
        (f"0{NOW}", BODY),
        ("", BODY),
        ("soon", BODY),
        (f"-{NOW}", BODY),
    ],
)
def test_refuses_a_post_that_was_changed(key: SendGridKey, timestamp: str, body: bytes) -> None:
    signature = key.sign(BODY).signature
    assert not signatures(key).are_valid(timestamp, signature, body)


@pytest.mark.parametrize("signature", ["", "x", "====", "ü", base64.b64encode(b"0" * 70).decode()])
def test_refuses_a_signature_that_is_none(key: SendGridKey, signature: str) -> None:
    assert not signatures(key).are_valid(NOW, signature, BODY)


@pytest.mark.parametrize(
    ("hours_later", "valid"), [(24.9, True), (25.1, False), (-0.08, True), (-0.1, False)]
)
def test_takes_what_sendgrid_repeats_for_a_day_and_nothing_older(
    key: SendGridKey, hours_later: float, valid: bool
) -> None:
    post = key.sign(BODY)
    checked = signatures(key, hours_later=hours_later)
    assert checked.are_valid(post.timestamp, post.signature, post.body) is valid


def test_reads_the_keys_that_sendgrid_shows(key: SendGridKey) -> None:
    known, own = parse_public_keys(f"{KNOWN_KEY}, {key.public_text}")
    assert own.public_numbers() == key.public.public_numbers()
    assert known.public_numbers() != own.public_numbers()


def test_refuses_keys_that_sendgrid_would_not_show() -> None:
    spki = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    other_curve = ec.generate_private_key(ec.SECP384R1()).public_key().public_bytes(*spki)
    other_kind = rsa.generate_private_key(65537, 2048).public_key().public_bytes(*spki)
    for der in (other_curve, other_kind):
        with pytest.raises(PublicKeyError, match="not a P-256 key"):
            parse_public_keys(base64.b64encode(der).decode())
    for text in ("", "change-me", "AAAA", f"{KNOWN_KEY},"):
        with pytest.raises(PublicKeyError, match="not base64 of a public key"):
            parse_public_keys(text)
