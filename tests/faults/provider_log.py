"""The sandbox's log of what it was handed: the witness that every scenario is scored by."""

from typing import Any, Final

from tests.faults.checker import ProviderLine

from devstack.system_client import SystemClient

_END: Final = 2**40


class ProviderLog:
    """Reads the log of mails.

    Args:
        system: Knows where the sandbox is.
    """

    def __init__(self, system: SystemClient) -> None:
        self._system = system
        self._ignored: set[str] = set()

    async def position(self) -> int:
        """Number of its newest line."""
        return int((await self._read(_END))["last"])

    async def entries_since(self, position: int) -> list[dict[str, Any]]:
        """The lines after that one as they are: `provider`, `at`, `title`, …"""
        entries: list[dict[str, Any]] = (await self._read(position))["entries"]
        return entries

    async def lines_since(self, position: int) -> list[ProviderLine]:
        """The same for the checker, but for what is ignored."""
        return [
            ProviderLine(
                request_id=entry["title"],
                recipient=entry["recipient"],
                accepted=entry["accepted"],
                code=entry["code"],
            )
            for entry in await self.entries_since(position)
            if str(entry["title"]).rpartition("-")[0] not in self._ignored
        ]

    async def refusals_since(self, position: int) -> int:
        """How many times a provider said no, or nothing, after that line."""
        return sum(not line.accepted for line in await self.lines_since(position))

    def ignore(self, load: str) -> None:
        """Pass over the requests of this load from now on.

        What a broken engine left behind may still be sent when a whole one finds it.
        """
        self._ignored.add(load)

    async def _read(self, since: int) -> dict[str, Any]:
        answer = await self._system.http.get(
            f"{self._system.urls.sandbox}/sandbox/log", params={"channel": "email", "since": since}
        )
        assert answer.status_code == 200, answer.text
        log: dict[str, Any] = answer.json()
        return log
