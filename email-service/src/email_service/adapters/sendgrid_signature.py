"""Whether a webhook's post was signed by SendGrid.

ECDSA with SHA-256 over timestamp and body, by a key whose public half SendGrid shows as base64 of
its SubjectPublicKeyInfo (https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/
getting-started-event-webhook-security-features).
"""

import re
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

OLDEST: Final = timedelta(hours=25)
"""SendGrid repeats a post for 24 hours and does not say that it signs it anew each time. A post
that somebody else repeats does no harm: its events have the same ids again."""
CLOCK_DIFFERENCE: Final = timedelta(minutes=5)

_TIMESTAMP: Final = re.compile(r"[0-9]{1,11}")  # of Unix seconds


class PublicKeyError(ValueError):
    """The text is not a key that SendGrid would show."""


class SendGridSignatures:
    """Recognises SendGrid's posts.

    Args:
        keys: At least one; several while a key is being changed, or for several webhooks.
        now: Tells the aware time.
    """

    def __init__(
        self, keys: tuple[ec.EllipticCurvePublicKey, ...], now: Callable[[], datetime]
    ) -> None:
        self._keys = keys
        self._now = now

    def are_valid(self, timestamp: str, signature: str, body: bytes) -> bool:
        """Whether one of the keys signed this, and neither long ago nor in the future.

        Args:
            timestamp: The header `X-Twilio-Email-Event-Webhook-Timestamp`.
            signature: The header `X-Twilio-Email-Event-Webhook-Signature`.
            body: The bytes as they came.
        """
        if not _TIMESTAMP.fullmatch(timestamp):
            return False
        age = self._now().timestamp() - int(timestamp)
        if not -CLOCK_DIFFERENCE.total_seconds() <= age <= OLDEST.total_seconds():
            return False
        try:
            der = b64decode(signature, validate=True)
        except ValueError:
            return False
        signed = timestamp.encode() + body
        return any(_verifies(key, der, signed) for key in self._keys)


def parse_public_keys(text: str) -> tuple[ec.EllipticCurvePublicKey, ...]:
    """Read one key or several, separated by commas.

    Raises:
        PublicKeyError: One of them is not base64 of a P-256 public key.
    """
    return tuple(_parse(part.strip()) for part in text.split(","))


def _parse(text: str) -> ec.EllipticCurvePublicKey:
    try:
        key = load_der_public_key(b64decode(text, validate=True))
    except (ValueError, UnsupportedAlgorithm) as error:
        msg = "it is not base64 of a public key, as SendGrid shows it"
        raise PublicKeyError(msg) from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        msg = "it is not a P-256 key, which SendGrid's are"
        raise PublicKeyError(msg)
    return key


def _verifies(key: ec.EllipticCurvePublicKey, signature: bytes, signed: bytes) -> bool:
    try:
        key.verify(signature, signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
