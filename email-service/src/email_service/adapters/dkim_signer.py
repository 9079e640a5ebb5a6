"""DKIM signatures (RFC 6376, Ed25519 by RFC 8463), relaxed/relaxed.

Put together here on `cryptography`, because dkimpy 1.1.8 computes RSA in Python: 5.2 ms a mail with
a key of 2,048 bits against 0.2 ms, and it reads the key anew for each. The tests verify what comes
out with dkimpy and with OpenDKIM.
"""

import re
from base64 import b64encode
from datetime import datetime
from hashlib import sha256
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_SIGNED: Final = (
    b"from",
    b"to",
    b"subject",
    b"date",
    b"message-id",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"auto-submitted",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
_OVERSIGNED: Final = b"from"
"""Signed once more than it is there, so that a second one breaks the signature (§8.15)."""
_SMALLEST_RSA_BITS: Final = 1024  # RFC 8301 §3.2; receivers ignore less
_LABEL: Final = r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?"
_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*")
_FOLD: Final = re.compile(rb"\r\n(?=[ \t])")
_BLANKS: Final = re.compile(rb"[ \t]+")
_BLANKS_AT_END: Final = re.compile(rb"[ \t]+(?=\r\n)")
_LINE_CHARACTERS: Final = 72

DkimKey = RSAPrivateKey | Ed25519PrivateKey


def read_dkim_key(pem: str) -> DkimKey:
    r"""Read a private key, RSA or Ed25519, in PEM without a password.

    Args:
        pem: Line ends may be written as `\n`, as environment files hold them.

    Raises:
        ValueError: It is no such key, or one too short to be taken seriously.
    """
    try:
        key = load_pem_private_key(pem.replace("\\n", "\n").encode(), password=None)
    except (ValueError, TypeError) as error:
        msg = "it is not a private key in PEM without a password"
        raise ValueError(msg) from error
    if isinstance(key, RSAPrivateKey) and key.key_size >= _SMALLEST_RSA_BITS:
        return key
    if isinstance(key, Ed25519PrivateKey):
        return key
    msg = f"it must be an Ed25519 key, or an RSA key of at least {_SMALLEST_RSA_BITS} bits"
    raise ValueError(msg)


class DkimSigner:
    """Signs for one domain with one key.

    Args:
        key: See `read_dkim_key`.
        domain: That vouches for the mail; the one of `From`, or one above it, for DMARC.
        selector: Below which `<selector>._domainkey.<domain>` holds the public key.

    Raises:
        ValueError: Domain or selector cannot be a name in DNS.
    """

    def __init__(self, key: DkimKey, domain: str, selector: str) -> None:
        for what, name in (("domain", domain), ("selector", selector)):
            if not _NAME.fullmatch(name):
                msg = f"{name!r} cannot be a DKIM {what}: lower-case letters, digits, - and dots"
                raise ValueError(msg)
        self._key = key
        algorithm = "rsa-sha256" if isinstance(key, RSAPrivateKey) else "ed25519-sha256"
        self._start = (
            f"DKIM-Signature: v=1; a={algorithm}; c=relaxed/relaxed;\r\n d={domain}; s={selector};"
        ).encode()

    def sign(self, mail: bytes, at: datetime) -> bytes:
        """The mail with a signature in front.

        Args:
            mail: Complete, with CRLF line ends and without a signature of this domain.
            at: When it is signed; aware.
        """
        head, _, body = mail.partition(b"\r\n\r\n")
        fields = [_relaxed_field(line) for line in _FOLD.sub(b"", head).split(b"\r\n")]
        names, signed = _choose(fields)
        unsigned = b"%s t=%d;\r\n h=%s;\r\n bh=%s;\r\n b=" % (
            self._start,
            int(at.timestamp()),
            b":\r\n  ".join(_joined(names)),
            b64encode(sha256(_relaxed_body(body)).digest()),
        )
        # §3.7: the signature's own field is the last that is hashed, and has no line end
        signed.append(b"%s:%s" % _relaxed_field(_FOLD.sub(b"", unsigned)))
        signature = b64encode(self._sign(b"\r\n".join(signed)))
        lines = (
            signature[start : start + _LINE_CHARACTERS]
            for start in range(0, len(signature), _LINE_CHARACTERS)
        )
        return b"%s%s\r\n%s" % (unsigned, b"\r\n  ".join(lines), mail)

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, RSAPrivateKey):
            return self._key.sign(data, PKCS1v15(), SHA256())
        return self._key.sign(sha256(data).digest())  # RFC 8463 §3: the hash is what is signed


def _choose(fields: list[tuple[bytes, bytes]]) -> tuple[list[bytes], list[bytes]]:
    """Names for `h=` and the fields that they stand for, the lowest of a name first (§5.4.2)."""
    names, signed = [_OVERSIGNED], []
    for wanted in _SIGNED:
        for name, value in reversed(fields):
            if name == wanted:
                names.append(name)
                signed.append(b"%s:%s" % (name, value))
    return names, signed


def _joined(names: list[bytes]) -> list[bytes]:
    """The names with colons between them, in lines."""
    lines = [names[0]]
    for name in names[1:]:
        if len(lines[-1]) + len(name) < _LINE_CHARACTERS:
            lines[-1] += b":" + name
        else:
            lines.append(name)
    return lines


def _relaxed_field(unfolded: bytes) -> tuple[bytes, bytes]:
    """Name and value by §3.4.2."""
    name, _, value = unfolded.partition(b":")
    return name.rstrip(b" \t").lower(), _BLANKS.sub(b" ", value).strip(b" ")


def _relaxed_body(body: bytes) -> bytes:
    """The body by §3.4.4."""
    if body and not body.endswith(b"\r\n"):
        body += b"\r\n"
    if b"  " in body or b"\t" in body or b" \r\n" in body:  # hardly ever: base64 has none
        body = _BLANKS.sub(b" ", _BLANKS_AT_END.sub(b"", body))
    while body.endswith(b"\r\n\r\n"):
        body = body[:-2]
    return b"" if body == b"\r\n" else body
