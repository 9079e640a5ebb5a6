"""Snapshots in memory; `SnapshotsSuite` shows that they behave as those in Redis do."""

from contracts.template_snapshot import TemplateSnapshot


class FakeSnapshots:
    def __init__(self) -> None:
        self.stored: dict[str, TemplateSnapshot] = {}

    async def store(self, snapshot: TemplateSnapshot) -> None:
        held = self.stored.get(snapshot.code)
        if held is None or held.row_version <= snapshot.row_version:
            self.stored[snapshot.code] = snapshot
