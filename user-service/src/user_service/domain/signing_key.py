"""The key that access tokens are signed with, and its public half as others read it."""

import base64
import hashlib
import json
from dataclasses import dataclass, field
from typing import Self

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_COORDINATE_BYTES = 32


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A P-256 key; `key_id` is its RFC 7638 thumbprint, so it needs no bookkeeping."""

    pem: str = field(repr=False)
    key_id: str
    x: str
    y: str

    @classmethod
    def from_pem(cls, pem: str) -> Self:
        """Read a private key.

        Raises:
            ValueError: It is not an unencrypted P-256 key in PEM.
        """
        msg = "must be an unencrypted P-256 private key in PEM"
        try:
            key = load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise ValueError(msg) from error
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise ValueError(msg)
        numbers = key.public_key().public_numbers()
        x, y = _coordinate(numbers.x), _coordinate(numbers.y)
        return cls(pem=pem, key_id=_thumbprint(x, y), x=x, y=y)

    def public_jwk(self) -> dict[str, str]:
        """The public half as a JSON Web Key (RFC 7517)."""
        return {
            "kty": "EC",
            "crv": "P-256",
            "x": self.x,
            "y": self.y,
            "kid": self.key_id,
            "use": "sig",
            "alg": "ES256",
        }


def _coordinate(number: int) -> str:
    return _base64url(number.to_bytes(_COORDINATE_BYTES, "big"))


def _thumbprint(x: str, y: str) -> str:
    """RFC 7638 §3: SHA-256 over the required members, sorted, without white space."""
    members = {"crv": "P-256", "kty": "EC", "x": x, "y": y}
    canonical = json.dumps(members, separators=(",", ":"), sort_keys=True)
    return _base64url(hashlib.sha256(canonical.encode()).digest())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
