"""Google's service account key file: what it must hold, and clear words where it does not."""

import json
import re
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from push_service.adapters.google_address import check_address

_FIELDS = ("project_id", "private_key_id", "private_key", "client_email", "token_uri")
_PROJECT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9.:\-]*")
"""It becomes part of a path."""
_NEXT_STEP = "Download a new key in the Firebase console: Project settings, Service accounts."


class ServiceAccountError(ValueError):
    """The key file cannot be used; the message says why, and never repeats the key."""


@dataclass(frozen=True, slots=True)
class ServiceAccount:
    """Who we are towards Google.

    Attributes:
        project_id: The Firebase project that messages are sent by.
        private_key_id: Goes into the assertion's header as `kid`.
        private_key: RSA, PEM.
        client_email: The account's name.
        token_uri: Where assertions are exchanged for access tokens.
    """

    project_id: str
    private_key_id: str
    private_key: str = field(repr=False)
    client_email: str
    token_uri: str


def parse_service_account(text: str) -> ServiceAccount:
    """Read the JSON that Google's console hands out.

    Args:
        text: Content of the file.

    Raises:
        ServiceAccountError: Names the field that is wrong.
    """
    try:
        document = json.loads(text)
    except ValueError as error:
        msg = f"The service account key is not JSON ({error}). {_NEXT_STEP}"
        raise ServiceAccountError(msg) from error
    if not isinstance(document, dict) or document.get("type") != "service_account":
        msg = f"The key's `type` is not `service_account`: it is another kind of key. {_NEXT_STEP}"
        raise ServiceAccountError(msg)
    values = {}
    for name in _FIELDS:
        value = document.get(name)
        if not isinstance(value, str) or not value.strip():
            msg = f"The service account key has no `{name}`. {_NEXT_STEP}"
            raise ServiceAccountError(msg)
        values[name] = value
    if not _PROJECT_ID.fullmatch(values["project_id"]):
        msg = f"`project_id` of the service account key is malformed. {_NEXT_STEP}"
        raise ServiceAccountError(msg)
    _check_private_key(values["private_key"])
    _check_token_uri(values["token_uri"])
    return ServiceAccount(**values)


def _check_token_uri(url: str) -> None:
    try:
        check_address(url)
    except ValueError as error:
        msg = f"`token_uri` of the service account key {error}. {_NEXT_STEP}"
        raise ServiceAccountError(msg) from error


def _check_private_key(pem: str) -> None:
    try:
        key = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:  # TypeError: it is encrypted
        msg = f"`private_key` of the service account key is not a readable PEM key. {_NEXT_STEP}"
        raise ServiceAccountError(msg) from error
    if not isinstance(key, RSAPrivateKey):
        msg = f"`private_key` of the service account key is not an RSA key. {_NEXT_STEP}"
        raise ServiceAccountError(msg)
