from dataclasses import asdict
from pathlib import Path

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from samples import email_digest, new_user
from sqlalchemy import Connection, insert

from servicekit.database import Database
from servicekit.testing import migrate, temporary_database
from user_service.adapters.postgres_user_digests import PostgresUserDigests
from user_service.adapters.postgres_users import PostgresUsers
from user_service.adapters.tables import metadata, users


async def test_the_migrated_schema_equals_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {"compare_type": True, "compare_server_default": True}
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with database.transaction() as connection:
        assert await connection.run_sync(differences) == []


async def test_users_from_before_the_suppressions_stay_as_they_are() -> None:
    service_folder = Path(__file__).parents[2]
    user = new_user()
    values = {**asdict(user), "role": user.role.value}
    for later in ("email_suppressed", "category_choices", "quiet_hours"):
        del values[later]
    async with temporary_database() as url:
        await migrate(service_folder, url, "0001")
        database = Database(url, name="tests")
        async with database.transaction() as connection:
            await connection.execute(insert(users).values(values))
        await database.close()
        await migrate(service_folder, url)
        database = Database(url, name="tests")
        repository = PostgresUsers(database, email_digest)
        assert await repository.find(user.id) == user
        digests = PostgresUserDigests(database, email_digest)
        assert await digests.fill_email_digests(limit=10) == (1, [])
        assert await repository.find(user.id) == user
        await database.close()
