"""Templates in PostgreSQL. There is no statement here that changes or removes a version."""

from collections.abc import Collection, Sequence

from sqlalchemy import ColumnElement, Select, Text, any_, func, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from servicekit.counting import count_rows
from servicekit.database import Database
from template_service.adapters.rows import (
    template_of,
    template_values,
    version_of,
    version_values,
)
from template_service.adapters.tables import live_versions, template_versions, templates
from template_service.domain.errors import TemplateExistsError
from template_service.domain.ports import Decide
from template_service.domain.publication import Current, Revision
from template_service.domain.template import PublishedVersion, Template, TemplateAtVersion


class PostgresTemplates:
    """The port `Templates` on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def create(self, new: TemplateAtVersion) -> None:
        """Store a template and its first version, live; raises TemplateExistsError."""
        async with self._database.transaction() as connection:
            inserted = await connection.execute(
                insert(templates)
                .values(template_values(new.template))
                .on_conflict_do_nothing()
                .returning(templates.c.code)
            )
            if inserted.first() is None:
                raise TemplateExistsError(new.template.code)
            await _publish(connection, new.version)

    async def find(self, code: str) -> Template | None:
        """The template with this code."""
        async with self._database.transaction() as connection:
            return await _find(connection, code)

    async def find_many(self, codes: Collection[str]) -> Sequence[Template]:
        """The templates with these codes, each once and in no order; others are left out."""
        query = _templates().where(templates.c.code == any_(literal([*codes], ARRAY(Text))))
        async with self._database.transaction() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [template_of(row) for row in rows]

    async def find_version(self, code: str, language: str, version: int) -> PublishedVersion | None:
        """One version, live or not."""
        async with self._database.transaction() as connection:
            return await _find_version(connection, code, language, version)

    async def page(self, *, limit: int, offset: int) -> tuple[Sequence[TemplateAtVersion], int]:
        """Templates by code, each with what is live in its default language; and how many
        exist, as far as `count_rows` counts."""
        async with self._database.transaction() as connection:
            total = await count_rows(connection, templates)
            chosen = await connection.execute(
                _templates().order_by(templates.c.code).limit(limit).offset(offset)
            )
            found = [template_of(row) for row in chosen.mappings()]
            versions = await connection.execute(
                select(template_versions)
                .join(live_versions, _is_live())
                .join(templates, templates.c.code == template_versions.c.code)
                .where(
                    templates.c.code.in_([template.code for template in found]),
                    template_versions.c.language == templates.c.default_language,
                )
            )
            by_code = {row["code"]: version_of(row) for row in versions.mappings()}
        entries = [TemplateAtVersion(template, by_code[template.code]) for template in found]
        return entries, total

    async def change(self, code: str, language: str | None, decide: Decide) -> Revision | None:
        """Store what is decided while the template's row is locked."""
        async with self._database.transaction() as connection:
            # A statement of its own: what is read after it sees all that was committed while
            # it waited; a join read together with the lock would not.
            await connection.execute(
                select(templates.c.code).where(templates.c.code == code).with_for_update()
            )
            template = await _find(connection, code)
            if template is None:
                return None
            language = language or template.default_language
            live = template.live.get(language)
            revision = decide(
                Current(
                    template=template,
                    language=language,
                    live=None
                    if live is None
                    else await _find_version(connection, code, language, live.version),
                    latest_version=await _latest_version(connection, code, language),
                )
            )
            if revision.is_new_version:
                await _publish(connection, revision.result.version)
            if revision.is_changed:
                await connection.execute(
                    update(templates)
                    .where(templates.c.code == code)
                    .values(template_values(revision.result.template))
                )
            return revision


def _templates() -> Select[*tuple[object, ...]]:
    """Templates with their live versions: one statement, so both are of one moment."""
    live = (
        select(
            func.jsonb_object_agg(
                live_versions.c.language,
                func.jsonb_build_object(
                    "version",
                    live_versions.c.version,
                    "channels",
                    template_versions.c.variables,
                    type_=JSONB,
                ),
                type_=JSONB,
            )
        )
        .join(template_versions, _is_live())
        .where(live_versions.c.code == templates.c.code)
        .correlate(templates)
        .scalar_subquery()
    )
    return select(templates, live.label("live"))


def _is_live() -> ColumnElement[bool]:
    return (
        (template_versions.c.code == live_versions.c.code)
        & (template_versions.c.language == live_versions.c.language)
        & (template_versions.c.version == live_versions.c.version)
    )


async def _find(connection: AsyncConnection, code: str) -> Template | None:
    result = await connection.execute(_templates().where(templates.c.code == code))
    row = result.mappings().one_or_none()
    return None if row is None else template_of(row)


async def _find_version(
    connection: AsyncConnection, code: str, language: str, version: int
) -> PublishedVersion | None:
    result = await connection.execute(
        select(template_versions).where(
            template_versions.c.code == code,
            template_versions.c.language == language,
            template_versions.c.version == version,
        )
    )
    row = result.mappings().one_or_none()
    return None if row is None else version_of(row)


async def _latest_version(connection: AsyncConnection, code: str, language: str) -> int:
    latest = await connection.scalar(
        select(func.max(template_versions.c.version)).where(
            template_versions.c.code == code, template_versions.c.language == language
        )
    )
    return latest or 0


async def _publish(connection: AsyncConnection, version: PublishedVersion) -> None:
    await connection.execute(insert(template_versions).values(version_values(version)))
    await connection.execute(
        insert(live_versions)
        .values(code=version.code, language=version.language, version=version.version)
        .on_conflict_do_update(
            index_elements=[live_versions.c.code, live_versions.c.language],
            set_={"version": version.version},
        )
    )
