"""The pushes the sandbox holds: an index in memory, the messages as JSON lines on disk."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from devstack.sandbox.push.fcm_message import FcmMessage
from devstack.sandbox.storage.append_file import AppendFile


@dataclass(frozen=True, slots=True)
class Push:
    """What is known of a push without its message; `offset` and `length` locate that, in bytes."""

    id: str
    name: str
    target_kind: str
    target: str
    title: str
    body: str
    created: float
    offset: int
    length: int


class Pushbox:
    """Pushes by id, listed newest first."""

    def __init__(
        self, file: AppendFile, *, now: Callable[[], float], new_id: Callable[[], str]
    ) -> None:
        self._file = file
        self._now = now
        self._new_id = new_id
        self._pushes: dict[str, Push] = {}
        for offset, line in file.lines():
            self._remember(json.loads(line), offset, len(line))

    def __len__(self) -> int:
        return len(self._pushes)

    def add(self, name: str, message: FcmMessage) -> Push:
        """Store a push; it survives a kill of the process once this returns."""
        record = {
            "id": self._new_id(),
            "name": name,
            "target_kind": message.target_kind,
            "target": message.target,
            "title": message.title,
            "body": message.body,
            "created": self._now(),
            "message": message.message,
        }
        line = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        return self._remember(record, self._file.append(line), len(line))

    def newest_first(self) -> Iterator[Push]:
        """All pushes, the last to arrive first."""
        return reversed(self._pushes.values())

    def find(self, push_id: str) -> Push | None:
        """The push of that id; `latest` is the last that arrived."""
        if push_id == "latest":
            return next(self.newest_first(), None)
        return self._pushes.get(push_id)

    def message(self, push: Push) -> dict[str, Any]:
        """The `message` object as it was sent."""
        record: dict[str, Any] = json.loads(self._file.read(push.offset, push.length))
        found: dict[str, Any] = record["message"]
        return found

    def clear(self) -> None:
        """Forget all pushes and free their disk space."""
        self._pushes.clear()
        self._file.truncate()

    def _remember(self, record: dict[str, Any], offset: int, length: int) -> Push:
        push = Push(
            id=record["id"],
            name=record["name"],
            target_kind=record["target_kind"],
            target=record["target"],
            title=record["title"],
            body=record["body"],
            created=record["created"],
            offset=offset,
            length=length,
        )
        self._pushes[push.id] = push
        return push
