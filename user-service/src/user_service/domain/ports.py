"""What the use cases need from outside."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

from contracts.access import ApiKeyRecord
from contracts.category import CategoryCatalogue
from contracts.user_snapshot import UserSnapshot
from user_service.domain.api_key import ApiKey
from user_service.domain.user import User

DecideUser = Callable[[User], User]
"""Pure: it may be called while the user is locked. What it raises leaves the user unchanged."""


DecideApiKey = Callable[[ApiKey], ApiKey]
"""As `DecideUser`."""


class Users(Protocol):
    """Where users are kept. Each method is one transaction."""

    async def create(self, user: User) -> User:
        """Store a user.

        Returns:
            The user as they are now: their address may be suppressed already.

        Raises:
            EmailTakenError: Another user has the address, in whatever case.
        """
        ...

    async def find(self, user_id: UUID) -> User | None:
        """The user with this id."""
        ...

    async def find_many(self, user_ids: Collection[UUID]) -> Sequence[User]:
        """The users with these ids, each once and in no order; who does not exist is left out."""
        ...

    async def find_by_email(self, email: str) -> User | None:
        """The user with this address, in whatever case."""
        ...

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[User], int]:
        """Users, newest first; and how many exist, exact up to 10,000."""
        ...

    async def change(self, user_id: UUID, decide: DecideUser) -> User | None:
        """Store what is decided; other changes of the same user wait, so none is lost.

        Returns:
            The user as they are now, and whether their address is suppressed now; or None if
            there is no such user.

        Raises:
            EmailTakenError: Another user has the new address.
        """
        ...


class ApiKeys(Protocol):
    """Where API keys are kept. Each method is one transaction."""

    async def create(self, api_key: ApiKey) -> None:
        """Store a key."""
        ...

    async def find_by_digest(self, digest: str) -> ApiKey | None:
        """The key that is known by this SHA-256 (hex), also if since a rotation by another."""
        ...

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[ApiKey], int]:
        """Keys, newest first; and how many exist, exact up to 10,000."""
        ...

    async def change(self, key_id: UUID, decide: DecideApiKey) -> tuple[ApiKey, ApiKey] | None:
        """Store what is decided; other changes of the same key wait meanwhile.

        Returns:
            The key as it was and as it is; None: there is no such key.
        """
        ...


class Snapshots(Protocol):
    """Where other services look first; never fails for want of Redis."""

    async def store_user(self, snapshot: UserSnapshot) -> None:
        """Make a user visible, unless a newer version is there."""
        ...

    async def store_categories(self, catalogue: CategoryCatalogue) -> None:
        """Make the catalogue visible, unless a newer version is there."""
        ...

    async def store_api_key(self, digest: str, record: ApiKeyRecord) -> None:
        """Make a key visible, unless a newer version is there."""
        ...


class Passwords(Protocol):
    """Hashes passwords and compares them with hashes.

    Both raise UnavailableError when too many are waiting already.
    """

    async def hash(self, password: str) -> str:
        """A salted hash of the password."""
        ...

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the hash is the password's; without a hash False, after as long a time."""
        ...


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A signed token and its lifetime in seconds."""

    token: str = field(repr=False)
    expires_in: int


class TokenIssuer(Protocol):
    """Signs access tokens."""

    def issue(self, user: User, now: datetime) -> AccessToken:
        """A token that says who the user is and in which role."""
        ...
