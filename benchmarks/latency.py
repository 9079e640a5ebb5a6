"""How long a mail takes from POST to the SMTP server's yes, through the whole system.

The sink keeps each mail as a file. It is written last when the final dot has come, so the file's
time is the moment of acceptance, on the same clock as the requests'.
"""

import asyncio
import re
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from statistics import quantiles
from typing import Final
from uuid import uuid4

from benchmarks.email_system import EmailSystem, welcome
from benchmarks.errors import BenchmarkError
from benchmarks.mail_rate import CONNECTIONS
from benchmarks.progress import watch
from benchmarks.smtp_sink import SmtpSink, mail_folder

_NOTIFICATION: Final = re.compile(rb"^X-Notification-ID: (\S+)\r?$", re.MULTILINE)
_HEADER_BYTES: Final = 4096
_CALLERS: Final = 16
_ADDRESSES: Final = 500
"""Mails go to them in turn, so that nobody reaches the hourly limit."""
_PAUSE_SECONDS: Final = 0.02


@dataclass(frozen=True)
class Latency:
    """Of so many mails, in milliseconds."""

    count: int
    median: float
    p99: float


@dataclass(frozen=True)
class LatencyResult:
    """Of the empty system, and under half of what the gateway accepts (requests a second)."""

    empty: Latency
    accepted_rate: float
    loaded: Latency


async def measure_latency(system: EmailSystem, *, mails: int, seconds: float) -> LatencyResult:
    """Measure on an empty system, then what the gateway accepts, then under half of that.

    Args:
        system: With gateway and relay running, and no worker.
        mails: Sent one by one through the empty system.
        seconds: How long the gateway is loaded, fully and then by half.

    Raises:
        BenchmarkError: A request was refused, or mails did not arrive.
    """
    await system.lane.empty()
    settings = {"CONCURRENCY": str(CONNECTIONS)}
    with mail_folder() as folder:
        async with system.sink(mails=folder) as sink, system.workers(sink, settings=settings):
            users = [
                await system.create_user(f"grace.{uuid4().hex[:12]}@example.com")
                for _ in range(_ADDRESSES)
            ]
            posts = _Posts(system, sink, folder, users)
            for _ in range(mails):
                await posts.send()
                await posts.have_arrived()
                await asyncio.sleep(_PAUSE_SECONDS)
            empty = posts.latency_of(posts.began)
            accepted_rate = await posts.send_all_out(seconds)
            await posts.have_arrived()
            before = set(posts.began)
            await posts.send_steadily(accepted_rate / 2, seconds)
            await posts.have_arrived()
            loaded = posts.latency_of(posts.began.keys() - before)
    return LatencyResult(empty, accepted_rate, loaded)


class _Posts:
    """Requests for mails, and when each was begun (seconds since the epoch, by notification)."""

    def __init__(
        self, system: EmailSystem, sink: SmtpSink, folder: Path, users: Sequence[str]
    ) -> None:
        self._client = system.client
        self._sink = sink
        self._folder = folder
        self._users = cycle(users)
        self.began: dict[str, float] = {}

    async def send(self) -> None:
        """One request."""
        body = welcome(next(self._users), len(self.began))
        began = time.time()
        self.began[await self._client.send(body)] = began

    async def have_arrived(self) -> None:
        """Wait until the sink has as many mails as were asked for."""
        await watch(self._sink.accepted, len(self.began))

    async def send_all_out(self, seconds: float) -> float:
        """As many as the gateway takes from a few callers; returns how many a second."""
        ends = time.monotonic() + seconds

        async def call() -> int:
            sent = 0
            while time.monotonic() < ends:
                await self.send()
                sent += 1
            return sent

        counts = await asyncio.gather(*(call() for _ in range(_CALLERS)))
        return sum(counts) / seconds

    async def send_steadily(self, rate: float, seconds: float) -> None:
        """So many a second, each at its time, however long the others take."""
        started = time.monotonic()
        async with asyncio.TaskGroup() as group:
            for number in range(int(rate * seconds)):
                due = started + number / rate
                if (wait := due - time.monotonic()) > 0:
                    await asyncio.sleep(wait)
                group.create_task(self.send())

    def latency_of(self, notifications: Collection[str]) -> Latency:
        """From the request to the sink's acceptance.

        Raises:
            BenchmarkError: A mail is missing.
        """
        accepted = _acceptances(self._folder)
        missing = [each for each in notifications if each not in accepted]
        if missing:
            raise BenchmarkError(f"{len(missing)} of {len(notifications)} mails did not arrive.")
        taken = [(accepted[each] - self.began[each]) * 1000 for each in notifications]
        cuts = quantiles(taken, n=100, method="inclusive")
        return Latency(len(taken), cuts[49], cuts[98])


def _acceptances(folder: Path) -> dict[str, float]:
    found = {}
    for file in folder.iterdir():
        with file.open("rb") as mail:
            match = _NOTIFICATION.search(mail.read(_HEADER_BYTES))
        if match is None:
            raise BenchmarkError(f"{file} names no notification.")
        found[match[1].decode()] = file.stat().st_mtime
    return found
