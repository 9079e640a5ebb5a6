"""Reads users together with whether their address is suppressed, for all adapters that do.

A transaction that brings a user and an address together, or changes an address's suppression,
holds the lock of that address: else each of the two could miss what the other is about to commit.
"""

from typing import Any, Final

from sqlalchemy import ColumnElement, Select, Text, and_, func, literal, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.asyncio import AsyncConnection

from contracts.suppression import SuppressionReason
from user_service.adapters.tables import suppressions, users

USER_COLUMNS: Final = tuple(column for column in users.c if column is not users.c.email_digest)
"""All of `users` that is the domain's."""


def in_force(now: ColumnElement[Any]) -> ColumnElement[bool]:
    """Whether a row of `suppressions` counts."""
    return and_(
        suppressions.c.lifted_at.is_(None),
        or_(suppressions.c.expires_at.is_(None), suppressions.c.expires_at > now),
    )


def select_users() -> Select[Any]:
    """Users, each with `email_suppressed`."""
    suppressed = and_(suppressions.c.address_digest == users.c.email_digest, in_force(func.now()))
    return select(*USER_COLUMNS, suppressions.c.reason.label("email_suppressed")).select_from(
        users.outerjoin(suppressions, suppressed)
    )


async def lock_addresses(connection: AsyncConnection, *digests: str) -> None:
    """Let others who are about to change something of these addresses wait for our commit."""
    # Sorted: two who lock several of the same must not wait for each other.
    each = func.unnest(literal(sorted(digests), ARRAY(Text))).column_valued("digest")
    await connection.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(each, 0))))


async def suppression_of(
    connection: AsyncConnection, digest: str | None
) -> SuppressionReason | None:
    """Why nothing is sent to an address, as of this statement."""
    query = select(suppressions.c.reason).where(
        suppressions.c.address_digest == digest, in_force(func.now())
    )
    reason = (await connection.execute(query)).scalar_one_or_none()
    return None if reason is None else SuppressionReason(reason)
