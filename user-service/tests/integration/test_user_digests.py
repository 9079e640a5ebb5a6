"""Users who were stored before there were digests."""

import asyncio
from dataclasses import replace
from uuid import UUID

from samples import email_digest, new_suppression, new_user
from sqlalchemy import select, update

from contracts.suppression import SuppressionReason
from servicekit.database import Database
from user_service.adapters.postgres_suppressions import PostgresSuppressions
from user_service.adapters.postgres_user_digests import PostgresUserDigests
from user_service.adapters.postgres_users import PostgresUsers
from user_service.adapters.tables import users
from user_service.domain.user import User


async def stored_before(database: Database, *old: User) -> None:
    repository = PostgresUsers(database, email_digest)
    for user in old:
        await repository.create(user)
    async with database.transaction() as connection:
        await connection.execute(
            update(users).where(users.c.id.in_([user.id for user in old])).values(email_digest=None)
        )


async def digest_of_user(database: Database, user_id: UUID) -> str | None:
    async with database.transaction() as connection:
        query = select(users.c.email_digest).where(users.c.id == user_id)
        digest: str | None = (await connection.execute(query)).scalar_one()
    return digest


async def test_all_are_filled_and_the_suppressed_are_raised(database: Database) -> None:
    old = [new_user() for _ in range(5)]
    await stored_before(database, *old)
    bounced = new_suppression(old[0].email.upper())
    change = await PostgresSuppressions(database).change(bounced.address_digest, lambda _: bounced)
    assert change.users == []
    digests = PostgresUserDigests(database, email_digest)
    # Replicas that start together share the work.
    filled = await asyncio.gather(*(digests.fill_email_digests(limit=3) for _ in range(4)))
    assert sum(count for count, _ in filled) == 5
    suppressed = [user for _, some in filled for user in some]
    raised = replace(old[0], row_version=2, email_suppressed=SuppressionReason.HARD_BOUNCE)
    assert suppressed == [raised]
    for user in old:
        assert await digest_of_user(database, user.id) == email_digest(user.email)
    repository = PostgresUsers(database, email_digest)
    assert [await repository.find(user.id) for user in old] == [raised, *old[1:]]
    assert await digests.fill_email_digests(limit=3) == (0, [])


async def test_a_change_fills_too(database: Database) -> None:
    user = new_user()
    await stored_before(database, user)
    bounced = new_suppression(user.email)
    await PostgresSuppressions(database).change(bounced.address_digest, lambda _: bounced)
    changed = await PostgresUsers(database, email_digest).change(
        user.id, lambda one: replace(one, name="New", row_version=2)
    )
    assert changed is not None
    assert changed.email_suppressed is SuppressionReason.HARD_BOUNCE
    assert await digest_of_user(database, user.id) == email_digest(user.email)
