import pytest
from api_keys_suite import ApiKeysSuite
from users_suite import UsersSuite

from servicekit.database import Database
from user_service.adapters.postgres_api_keys import PostgresApiKeys
from user_service.adapters.postgres_users import PostgresUsers
from user_service.domain.ports import ApiKeys, Users


class TestPostgresUsers(UsersSuite):
    @pytest.fixture
    def users(self, database: Database) -> Users:
        return PostgresUsers(database)


class TestPostgresApiKeys(ApiKeysSuite):
    @pytest.fixture
    def api_keys(self, database: Database) -> ApiKeys:
        return PostgresApiKeys(database)
