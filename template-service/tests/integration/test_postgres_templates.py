import pytest
from samples import new_template
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from templates_suite import TemplatesSuite

from servicekit.database import Database
from template_service.adapters.postgres_templates import PostgresTemplates
from template_service.domain.ports import Templates


class TestPostgresTemplates(TemplatesSuite):
    @pytest.fixture
    def templates(self, database: Database) -> Templates:
        return PostgresTemplates(database)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE template_versions SET created_by = 'x' WHERE code = :code",
        "DELETE FROM template_versions WHERE code = :code",
        "TRUNCATE template_versions CASCADE",
    ],
)
async def test_a_published_version_cannot_be_changed_or_removed(
    database: Database, statement: str
) -> None:
    templates = PostgresTemplates(database)
    new = new_template()
    await templates.create(new)
    with pytest.raises(DBAPIError, match="a published version never changes"):
        async with database.transaction() as connection:
            await connection.execute(
                text(statement), {"code": new.template.code} if ":code" in statement else {}
            )
    assert await templates.find_version(new.template.code, "en", 1) == new.version
