from uuid import UUID

import pytest
from api_keys_suite import ApiKeysSuite
from categories_suite import CategoriesSuite
from fake_api_keys import FakeApiKeys
from fake_categories import FakeCategories
from fake_passwords import FakePasswords
from fake_sessions import FakeSessions
from fake_snapshots import FakeSnapshots
from fake_suppressed_addresses import FakeSuppressedAddresses
from fake_suppressions import FakeSuppressions
from fake_users import FakeUsers
from passwords_suite import PasswordsSuite
from sessions_suite import SessionsSuite
from snapshots_suite import SnapshotsSuite
from suppressed_addresses_suite import SuppressedAddressesSuite
from suppressions_suite import SuppressionsSuite
from users_suite import UsersSuite

from contracts.access import ApiKeyRecord
from contracts.suppression import SuppressionReason
from contracts.user_snapshot import UserSnapshot
from user_service.domain.category_ports import Categories
from user_service.domain.ports import ApiKeys, Passwords, Snapshots, Users
from user_service.domain.session_ports import Sessions
from user_service.domain.suppression_ports import SuppressedAddresses, Suppressions


class TestFakeUsers(UsersSuite):
    @pytest.fixture
    def users(self) -> Users:
        return FakeUsers()


class TestFakeApiKeys(ApiKeysSuite):
    @pytest.fixture
    def api_keys(self) -> ApiKeys:
        return FakeApiKeys()


class TestFakeCategories(CategoriesSuite):
    @pytest.fixture
    def categories(self) -> Categories:
        return FakeCategories()


class TestFakePasswords(PasswordsSuite):
    @pytest.fixture
    def passwords(self) -> Passwords:
        return FakePasswords()


class TestFakeSessions(SessionsSuite):
    @pytest.fixture
    def users(self) -> Users:
        return FakeUsers()

    @pytest.fixture
    def sessions(self) -> Sessions:
        return FakeSessions()


class TestFakeSnapshots(SnapshotsSuite):
    @pytest.fixture(autouse=True)
    def snapshots(self) -> Snapshots:
        self.fake = FakeSnapshots()
        return self.fake

    async def user(self, user_id: UUID) -> UserSnapshot | None:
        return self.fake.users.get(user_id)

    async def api_key(self, digest: str) -> ApiKeyRecord | None:
        return self.fake.api_keys.get(digest)


class TestFakeSuppressions(SuppressionsSuite):
    @pytest.fixture
    def users(self) -> FakeUsers:
        return FakeUsers()

    @pytest.fixture
    def suppressions(self, users: FakeUsers) -> Suppressions:
        return FakeSuppressions(users)


class TestFakeSuppressedAddresses(SuppressedAddressesSuite):
    @pytest.fixture(autouse=True)
    def addresses(self) -> SuppressedAddresses:
        self.fake = FakeSuppressedAddresses()
        return self.fake

    async def reason(self, digest: str) -> SuppressionReason | None:
        return self.fake.reasons.get(digest)

    async def forget(self) -> None:
        self.fake.forget()
