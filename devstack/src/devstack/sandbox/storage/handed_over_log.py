"""What the sandbox was handed, one JSON line per message, in `handed_over.jsonl`.

This is the evidence by which the promises of the system are scored, so a line is written before the
positive reply is given, is never changed, and survives restarts. Memory holds only offsets.
"""

import json
from array import array
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from devstack.sandbox.storage.append_file import AppendFile

Channel = Literal["email", "push"]


@dataclass(frozen=True, slots=True)
class HandedOver:
    """One hand-over.

    Attributes:
        provider: Who was handed it: `smtp`, `smtp-b`, `sendgrid` or `fcm`.
        code: The reply: an SMTP code, an HTTP status, or 0 for no reply.
        dsn: What the envelope asked for by RFC 3461: `ret`, `envid`, `notify`, `orcpt`.
    """

    channel: Channel
    provider: str
    accepted: bool
    code: int
    id: str | None
    recipient: str | None
    delivery_id: str | None = None
    notification_id: str | None = None
    title: str | None = None
    message_id: str | None = None
    reason: str | None = None
    dsn: dict[str, str] | None = None


class HandedOverLog:
    """Appends hand-overs and reads them back by their running number, which starts at 1."""

    def __init__(self, file: AppendFile, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._offsets = array("Q", (offset for offset, _ in file.lines()))

    @property
    def last_number(self) -> int:
        """Number of the newest line, 0 when there is none."""
        return len(self._offsets)

    def record(self, handed_over: HandedOver) -> None:
        """Write one line; it is with the operating system when this returns."""
        at = self._now().astimezone(UTC).isoformat(timespec="microseconds")
        line = {"at": at, **asdict(handed_over)}
        if handed_over.channel == "email":
            line["subject"] = line["title"]
        encoded = json.dumps(line, ensure_ascii=False, separators=(",", ":")).encode(
            "utf-8", "replace"
        )
        self._offsets.append(self._file.append(encoded + b"\n"))

    def since(
        self, number: int, channel: Channel | None = None, limit: int | None = None
    ) -> list[dict[str, Any]]:
        """Return the lines after `number`, oldest first, each with its number as `n`."""
        first = max(number, 0)
        if first >= len(self._offsets):
            return []
        start = self._offsets[first]
        found: list[dict[str, Any]] = []
        lines = self._file.read(start, self._file.size - start).splitlines()
        for n, line in enumerate(lines, start=first + 1):
            entry = json.loads(line)
            if channel is None or entry["channel"] == channel:
                found.append({"n": n, **entry})
            if limit is not None and len(found) >= limit:
                break
        return found
