"""Posts of SendGrid's event webhook, signed by a key of the test's own."""

import base64
import json
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from email_deliveries import DELIVERY_ID, NOON

from email_service.usecases.record_sendgrid_events import SignedPost

SUPPRESSION_KEY = b"k" * 32
NOW = str(int(NOON.timestamp()))


def an_event(event: str, **fields: Any) -> dict[str, Any]:
    """An event of a mail of ours; None takes a field away."""
    whole = {
        "event": event,
        "email": "Jane@example.com",
        "timestamp": int(NOON.timestamp()) - 60,
        "smtp-id": "<sg-1@geopod-ismtpd-0>",
        "sg_event_id": "c2ctZXZlbnQ",
        "sg_message_id": "sg-1.recvd-0",
        "delivery_id": str(DELIVERY_ID),
        "notification_id": "ntf_1",
        "generation": "2",
        "delivery_attempt": "3",
        "correlation_id": "corr-1",
        **fields,
    }
    return {name: value for name, value in whole.items() if value is not None}


class SendGridKey:
    """SendGrid's half of the webhook."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self.public = self._key.public_key()
        spki = self.public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        self.public_text = base64.b64encode(spki).decode()

    def sign(self, body: bytes, timestamp: str = NOW) -> SignedPost:
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return SignedPost(timestamp, base64.b64encode(signature).decode(), body)

    def post(self, *events: dict[str, Any], timestamp: str = NOW) -> SignedPost:
        return self.sign(json.dumps(events).encode(), timestamp)
