"""The service account that clients sign in with: given by its public key, or made here.

A made one is written as Google's console would hand it out, to `service-account.json` in the data
folder; its key stays the same over restarts.
"""

import json
import secrets
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from devstack.sandbox.key_file import KeyFileError

FILE_NAME = "service-account.json"


def load_public_key(path: Path) -> rsa.RSAPublicKey:
    """Read an RSA public key from PEM; raises KeyFileError."""
    try:
        key = load_pem_public_key(path.read_bytes())
    except (OSError, ValueError) as error:
        raise KeyFileError(
            f"The public key {path} cannot be read ({error}); give SANDBOX_PUBLIC_KEY_FILE the "
            "path of a PEM file."
        ) from None
    if not isinstance(key, rsa.RSAPublicKey):
        raise KeyFileError(f"The public key {path} is not an RSA key, which Google's are.")
    return key


def prepare_service_account(
    folder: Path, *, project: str, email: str, token_uri: str
) -> tuple[rsa.RSAPublicKey, str]:
    """Make or update the account file; return its public key and key id."""
    path = folder / FILE_NAME
    key, key_id = _load(path) if path.exists() else _make()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    account = {
        "type": "service_account",
        "project_id": project,
        "private_key_id": key_id,
        "private_key": pem,
        "client_email": email,
        "client_id": "100000000000000000000",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": f"https://www.googleapis.com/robot/v1/metadata/x509/{email}",
        "universe_domain": "googleapis.com",
    }
    fresh = path.with_suffix(".new")
    fresh.touch(mode=0o600)
    fresh.write_text(json.dumps(account, indent=2) + "\n", "utf-8")
    fresh.replace(path)
    return key.public_key(), key_id


def _make() -> tuple[rsa.RSAPrivateKey, str]:
    return rsa.generate_private_key(65537, 2048), secrets.token_hex(20)


def _load(path: Path) -> tuple[rsa.RSAPrivateKey, str]:
    try:
        account: dict[str, Any] = json.loads(path.read_text("utf-8"))
        key = load_pem_private_key(account["private_key"].encode(), None)
        key_id = account["private_key_id"]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise KeyFileError(
            f"{path} is not a service account file ({error}); delete it and start again."
        ) from None
    if not isinstance(key, rsa.RSAPrivateKey) or not isinstance(key_id, str):
        raise KeyFileError(f"{path} does not hold an RSA key; delete it and start again.")
    return key, key_id
