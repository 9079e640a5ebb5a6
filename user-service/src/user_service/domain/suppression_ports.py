"""What the use cases of suppressions need from outside."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from user_service.domain.suppression import Suppression
from user_service.domain.user import User

DecideSuppression = Callable[[Suppression | None], Suppression | None]
"""Pure: called while the address is locked. Takes what is kept, returns what to keep."""


@dataclass(frozen=True, slots=True)
class SuppressionChange:
    """What is kept of an address now, and the users who have it, as they are now."""

    before: Suppression | None
    after: Suppression | None
    users: Sequence[User]


class Suppressions(Protocol):
    """Where suppressions are kept. Each method is one transaction."""

    async def change(self, digest: str, decide: DecideSuppression) -> SuppressionChange:
        """Keep what is decided, and raise the row version of the address's users if it is new.

        Other changes of the same address wait, so none is lost.
        """
        ...

    async def find(self, digests: Collection[str]) -> Mapping[str, Suppression]:
        """What is kept of these addresses, lifted and expired ones too."""
        ...

    async def page(
        self, now: datetime, *, limit: int, offset: int
    ) -> tuple[Sequence[Suppression], int]:
        """Those in force, newest first; and how many there are, exact up to 10,000."""
        ...

    async def digests(self, *, after: str, limit: int) -> Sequence[str]:
        """Digests of all that is kept, lifted and expired ones too, ascending from `after`."""
        ...

    async def expired(self, now: datetime, *, limit: int) -> Sequence[str]:
        """Digests of some that have ended by themselves."""
        ...

    async def forget_lifted(self, before: datetime) -> int:
        """Delete what was lifted before a time; tells how many there were."""
        ...


class UserDigests(Protocol):
    """By which address a user's suppression is found."""

    async def fill_email_digests(self, *, limit: int) -> tuple[int, Sequence[User]]:
        """Compute the digests of users who were stored without one.

        Returns:
            How many there were, `limit` at most; and those among them who are suppressed, in a
            new row version.
        """
        ...


class SuppressedAddresses(Protocol):
    """Where workers look before they send; never fails for want of Redis."""

    async def tell(self, states: Mapping[str, Suppression | None]) -> bool:
        """Say which addresses are suppressed, and which are not (None); whether that was heard."""
        ...

    async def mark_begun(self) -> None:
        """Leave a sign that all suppressions are being told, unless one is there."""
        ...

    async def mark_complete(self) -> None:
        """Let the sign say that all were told; without it, the first may be forgotten again."""
        ...

    async def is_complete(self) -> bool:
        """Whether the sign says so; if not, less may be known than was told."""
        ...
