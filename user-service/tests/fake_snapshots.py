"""Snapshots in memory; `SnapshotsSuite` shows that they behave as those in Redis do."""

from uuid import UUID

from contracts.access import ApiKeyRecord
from contracts.category import CategoryCatalogue
from contracts.user_snapshot import UserSnapshot


class FakeSnapshots:
    def __init__(self) -> None:
        self.users: dict[UUID, UserSnapshot] = {}
        self.categories: CategoryCatalogue | None = None
        self.api_keys: dict[str, ApiKeyRecord] = {}

    async def store_user(self, snapshot: UserSnapshot) -> None:
        held = self.users.get(snapshot.user_id)
        if held is None or held.version <= snapshot.version:
            self.users[snapshot.user_id] = snapshot

    async def store_categories(self, catalogue: CategoryCatalogue) -> None:
        if self.categories is None or self.categories.version <= catalogue.version:
            self.categories = catalogue

    async def store_api_key(self, digest: str, record: ApiKeyRecord) -> None:
        held = self.api_keys.get(digest)
        if held is None or held.version <= record.version:
            self.api_keys[digest] = record
