"""The words that travel with a mail and come back with its bounce: which attempt it was.

Bounces come from anybody who can send mail. So a reference carries a tag that only this system can
make, over the attempt and the address it went to: whoever has seen one can repeat it for the very
address it was sent to, and for no other.
"""

import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from contracts.notification import NotificationType
from contracts.suppression import MINIMUM_KEY_BYTES, address_digest

MAXIMUM_CHARACTERS: Final = 100
"""RFC 3461 §4.4: an ENVID has no more."""
_TAG_BYTES: Final = 16
_PATTERN: Final = re.compile(
    r"(?P<delivery>[A-Za-z0-9_-]{22})\.(?P<notification>[A-Za-z0-9_-]{1,60})"
    r"\.(?P<generation>[0-9]{1,9})\.(?P<attempt>[0-9]{1,9})\.(?P<tag>[A-Za-z0-9_-]{22})"
)
_NOTIFICATION_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,60}")


@dataclass(frozen=True, slots=True)
class DeliveryReference:
    """One attempt of a delivery.

    Attributes:
        delivery_id: Of the delivery.
        notification_id: As the world knows it.
        generation: Raised by each replay.
        attempt: From 1.
    """

    delivery_id: UUID
    notification_id: str
    generation: int
    attempt: int


@dataclass(frozen=True, slots=True)
class VerifiedReference:
    """A reference that this system made for this address.

    Attributes:
        reference: What the mail was.
        address_digest: Of the address that it went to; see `contracts.suppression`.
    """

    reference: DeliveryReference
    address_digest: str


class ReferenceSeal:
    """Makes references, and recognises its own.

    Args:
        key: Shared by all processes that send mail or read bounces.

    Raises:
        ValueError: The key is too short.
    """

    def __init__(self, key: bytes) -> None:
        if len(key) < MINIMUM_KEY_BYTES:
            msg = f"the key of references must have at least {MINIMUM_KEY_BYTES} bytes"
            raise ValueError(msg)
        self._address_key = key
        # A key of its own: a tag must not pass for a digest of an address, or the reverse
        self._tag_key = hmac.digest(key, b"delivery-reference", "sha256")

    def seal(self, reference: DeliveryReference, address: str) -> str | None:
        """The reference as text: letters, digits, `.`, `-` and `_`, at most 100 characters.

        Args:
            reference: The attempt.
            address: Where it goes, as the delivery has it.

        Returns:
            None: The notification's id has characters that this form cannot carry, or is too long.
        """
        if not _NOTIFICATION_ID.fullmatch(reference.notification_id):
            return None
        stem = (
            f"{_text(reference.delivery_id.bytes)}.{reference.notification_id}"
            f".{reference.generation}.{reference.attempt}"
        )
        sealed = f"{stem}.{self._tag(stem, self.digest(address))}"
        return sealed if len(sealed) <= MAXIMUM_CHARACTERS else None

    def verify(self, sealed: str, addresses: Iterable[str]) -> VerifiedReference | None:
        """Read a reference, if this system made it for one of these addresses.

        Args:
            sealed: What `seal` returned, or anything at all.
            addresses: Those that a bounce is about, in all forms they may have had.
        """
        found = _PATTERN.fullmatch(sealed)
        if found is None:
            return None
        stem = sealed.rpartition(".")[0]
        reference = DeliveryReference(
            delivery_id=UUID(bytes=urlsafe_b64decode(found["delivery"] + "==")),
            notification_id=found["notification"],
            generation=int(found["generation"]),
            attempt=int(found["attempt"]),
        )
        for digest in map(self.digest, addresses):
            if hmac.compare_digest(self._tag(stem, digest), found["tag"]):
                return VerifiedReference(reference, digest)
        return None

    def digest(self, address: str) -> str:
        """How suppressions know an address."""
        return address_digest(self._address_key, NotificationType.EMAIL, address)

    def _tag(self, stem: str, digest: str) -> str:
        whole = hmac.digest(self._tag_key, f"{stem}:{digest}".encode(), "sha256")
        return _text(whole[:_TAG_BYTES])


def _text(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()
