from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from api_gateway.adapters.tables import metadata
from servicekit.database import Database
from servicekit.migrations import without_partitions


async def test_the_migrated_schema_equals_the_models(database: Database) -> None:
    def differences(connection: Connection) -> list[object]:
        options = {
            "compare_type": True,
            "compare_server_default": True,
            "include_name": without_partitions(connection),
        }
        return list(
            compare_metadata(MigrationContext.configure(connection, opts=options), metadata)
        )

    async with database.transaction() as connection:
        assert await connection.run_sync(differences) == []
