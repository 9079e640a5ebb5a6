import asyncio
from dataclasses import replace

import pytest
from api_keys_suite import ApiKeysSuite
from categories_suite import CategoriesSuite
from queues import until
from samples import email_digest, new_suppression, new_user
from sessions_suite import SessionsSuite
from sqlalchemy import insert, text, update
from suppressions_suite import SuppressionsSuite
from users_suite import UsersSuite

from contracts.suppression import SuppressionReason
from servicekit.database import Database
from user_service.adapters.postgres_api_keys import PostgresApiKeys
from user_service.adapters.postgres_categories import PostgresCategories
from user_service.adapters.postgres_sessions import PostgresSessions
from user_service.adapters.postgres_suppressions import PostgresSuppressions
from user_service.adapters.postgres_users import PostgresUsers
from user_service.adapters.rows import suppression_values
from user_service.adapters.tables import suppressions, users
from user_service.domain.category_ports import Categories
from user_service.domain.ports import ApiKeys, Users
from user_service.domain.session_ports import Sessions
from user_service.domain.suppression_ports import Suppressions


class TestPostgresUsers(UsersSuite):
    @pytest.fixture
    def users(self, database: Database) -> Users:
        return PostgresUsers(database, email_digest)


class TestPostgresApiKeys(ApiKeysSuite):
    @pytest.fixture
    def api_keys(self, database: Database) -> ApiKeys:
        return PostgresApiKeys(database)


class TestPostgresCategories(CategoriesSuite):
    @pytest.fixture
    def categories(self, database: Database) -> Categories:
        return PostgresCategories(database)


class TestPostgresSessions(SessionsSuite):
    @pytest.fixture
    def users(self, database: Database) -> Users:
        return PostgresUsers(database, email_digest)

    @pytest.fixture
    def sessions(self, database: Database) -> Sessions:
        return PostgresSessions(database)


class TestPostgresSuppressions(SuppressionsSuite):
    @pytest.fixture
    def users(self, database: Database) -> Users:
        return PostgresUsers(database, email_digest)

    @pytest.fixture
    def suppressions(self, database: Database) -> Suppressions:
        return PostgresSuppressions(database)


async def test_who_waited_for_a_suppression_sees_it_even_where_nothing_is_changed(
    database: Database,
) -> None:
    repository = PostgresUsers(database, email_digest)
    user = await repository.create(new_user())
    async with database.transaction() as other:
        await other.execute(
            insert(suppressions).values(suppression_values(new_suppression(user.email)))
        )
        await other.execute(
            update(users).where(users.c.id == user.id).values(row_version=users.c.row_version + 1)
        )
        waiting = asyncio.create_task(repository.change(user.id, lambda one: one))

        async def waits() -> bool:
            query = text(
                "SELECT count(*) FROM pg_stat_activity "
                "WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            async with database.transaction() as connection:
                return bool((await connection.execute(query)).scalar_one())

        await until(waits)
    assert await waiting == replace(
        user, row_version=2, email_suppressed=SuppressionReason.HARD_BOUNCE
    )
