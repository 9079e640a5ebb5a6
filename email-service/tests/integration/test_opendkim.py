"""Signatures as a verifier in the field sees them."""

from pathlib import Path

import opendkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from email_deliveries import NOON, an_email

from email_service.adapters.dkim_signer import DkimKey, DkimSigner
from email_service.adapters.email_address import parse_email_address
from email_service.adapters.mail_message import compose_mail
from email_service.adapters.mail_sender import MailSender

pytestmark = pytest.mark.skipif(not opendkim.is_installed(), reason="opendkim is not installed")

KEYS: dict[str, DkimKey] = {
    "rsa": rsa.generate_private_key(65537, 2048),
    "ed25519": ed25519.Ed25519PrivateKey.generate(),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
@pytest.mark.parametrize("subject", ["Hello", "Grüße aus Köln, " * 20, "a  b\tc"])
def test_opendkim_verifies_what_we_sign_and_nothing_else(
    key: DkimKey, subject: str, tmp_path: Path
) -> None:
    recipient = parse_email_address("jane@example.com")
    sender = MailSender(parse_email_address("no-reply@example.com"), "Grüße, Ltd")
    mail = compose_mail(an_email(subject=subject), recipient, sender, NOON)
    signed = DkimSigner(key, "example.com", "mail").sign(mail, NOON)
    assert "succeeded" in opendkim.verdict(signed, key, "example.com", "mail", tmp_path)
    changed = signed.replace(b"To: jane@", b"To: joan@")
    assert "failed" in opendkim.verdict(changed, key, "example.com", "mail", tmp_path)
