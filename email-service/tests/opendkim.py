"""Verifies signatures with OpenDKIM, which nobody here wrote, against a public key in a file."""

import shutil
import subprocess
from base64 import b64encode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from email_service.adapters.dkim_signer import DkimKey


def is_installed() -> bool:
    return shutil.which("opendkim") is not None


def record(key: DkimKey) -> str:
    """What DNS would hold below `<selector>._domainkey` (RFC 6376 §3.6.1, RFC 8463 §4)."""
    public = key.public_key()
    if isinstance(public, RSAPublicKey):
        kind, raw = "rsa", public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    else:
        kind, raw = "ed25519", public.public_bytes_raw()
    return f"v=DKIM1; k={kind}; p={b64encode(raw).decode()}"


def verdict(mail: bytes, key: DkimKey, domain: str, selector: str, folder: Path) -> str:
    """What OpenDKIM says of a mail: `verification (…) succeeded` or `… failed: …`."""
    (folder / "keys").write_text(f"{selector}._domainkey.{domain} {record(key)}\n")
    (folder / "opendkim.conf").write_text(f"Mode v\nTestPublicKeys {folder / 'keys'}\n")
    done = subprocess.run(
        ["opendkim", "-x", str(folder / "opendkim.conf"), "-t", "-", "-v"],
        input=mail,
        capture_output=True,
        check=True,
        timeout=20,
    )
    return (done.stdout + done.stderr).decode()
