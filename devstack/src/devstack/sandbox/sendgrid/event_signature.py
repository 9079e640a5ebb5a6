"""The key that signs events, and the signature as SendGrid makes it.

ECDSA on P-256 with SHA-256 over timestamp and body, DER in base64; the public key is shown as
base64 of its SubjectPublicKeyInfo (https://www.twilio.com/docs/sendgrid/for-developers/
tracking-events/getting-started-event-webhook-security-features).
"""

import base64
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from devstack.sandbox.key_file import KeyFileError

PUBLIC_KEY_FILE: Final = "sendgrid-events.pub"
SIGNATURE_HEADER: Final = "X-Twilio-Email-Event-Webhook-Signature"
TIMESTAMP_HEADER: Final = "X-Twilio-Email-Event-Webhook-Timestamp"


class EventSigner:
    """Signs what is posted to webhooks."""

    def __init__(self, key: ec.EllipticCurvePrivateKey) -> None:
        self._key = key

    @property
    def public_key(self) -> str:
        """For who verifies: base64, one line."""
        key = self._key.public_key()
        spki = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return base64.b64encode(spki).decode()

    def headers(self, timestamp: str, body: bytes) -> dict[str, str]:
        """Signature and timestamp of one post."""
        signature = self._key.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))
        return {
            SIGNATURE_HEADER: base64.b64encode(signature).decode(),
            TIMESTAMP_HEADER: timestamp,
        }


def prepare_event_signer(folder: Path) -> EventSigner:
    """The signer with the key in the data folder, which is made at the first start.

    The public key is written to `sendgrid-events.pub`, for who configures a verifier.

    Raises:
        KeyFileError: The key file cannot be used.
    """
    signer = EventSigner(_prepare_key(folder / "sendgrid-events.key"))
    (folder / PUBLIC_KEY_FILE).write_text(f"{signer.public_key}\n", "ascii")
    return signer


def _prepare_key(path: Path) -> ec.EllipticCurvePrivateKey:
    if not path.exists():
        made = ec.generate_private_key(ec.SECP256R1())
        path.touch(mode=0o600)
        path.write_bytes(made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return made
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError as error:
        raise KeyFileError(f"{path} is not a key ({error}); delete it and start again.") from None
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise KeyFileError(f"{path} does not hold a P-256 key; delete it and start again.")
    return key
