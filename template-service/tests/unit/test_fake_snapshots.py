import pytest
from fake_snapshots import FakeSnapshots
from snapshots_suite import Readable, SnapshotsSuite

from contracts.template_snapshot import TemplateSnapshot


class TestFakeSnapshots(SnapshotsSuite):
    @pytest.fixture
    def readable(self) -> Readable:
        fake = FakeSnapshots()

        async def read(code: str) -> TemplateSnapshot | None:
            return fake.stored.get(code)

        return Readable(fake, read)
