"""Computes the digests of users who were stored before this service kept any.

A migration cannot: it does not have the key.
"""

from collections.abc import Callable, Sequence

from sqlalchemy import bindparam, select, update

from servicekit.database import Database
from user_service.adapters.rows import user_of
from user_service.adapters.suppressed_users import lock_addresses, select_users
from user_service.adapters.tables import suppressions, users
from user_service.domain.user import User


class PostgresUserDigests:
    """The port `UserDigests` on one database.

    Args:
        database: Where users are.
        email_digest: The digest of an e-mail address.
    """

    def __init__(self, database: Database, email_digest: Callable[[str], str]) -> None:
        self._database = database
        self._email_digest = email_digest

    async def fill_email_digests(self, *, limit: int) -> tuple[int, Sequence[User]]:
        """Compute the digests of users who were stored without one."""
        without = (
            select(users.c.id, users.c.email)
            .where(users.c.email_digest.is_(None))
            .limit(limit)
            .with_for_update(skip_locked=True)
        )
        async with self._database.transaction() as connection:
            found = (await connection.execute(without)).all()
            if not found:
                return 0, []
            digests = {user_id: self._email_digest(email) for user_id, email in found}
            await lock_addresses(connection, *digests.values())
            await connection.execute(
                update(users)
                .where(users.c.id == bindparam("of_user"))
                .values(email_digest=bindparam("computed")),
                [{"of_user": user_id, "computed": digest} for user_id, digest in digests.items()],
            )
            raised = await connection.execute(
                update(users)
                .where(
                    users.c.id.in_(list(digests)),
                    users.c.email_digest.in_(select(suppressions.c.address_digest)),
                )
                .values(row_version=users.c.row_version + 1)
                .returning(users.c.id)
            )
            concerned = list(raised.scalars())
            rows = await connection.execute(select_users().where(users.c.id.in_(concerned)))
            return len(digests), [user_of(row) for row in rows.mappings()]
