"""Postfix's `smtp-sink`: an SMTP server in C that takes every mail and throws it away.

Its running counter is the benchmarks' only measure of progress: it is the far end, knows nothing of
us, and costs both sides of a comparison the same.
"""

import asyncio
import contextlib
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from benchmarks.errors import BenchmarkError
from devstack.processes import ChildProcess, Program, end_leftover

_PLACES: Final = ("/usr/sbin/smtp-sink", "/usr/lib/postfix/sbin/smtp-sink")
_READY_SECONDS: Final = 5.0
_POLL_SECONDS: Final = 0.05
_STOP_SECONDS: Final = 2.0
_BACKLOG: Final = "256"
_CONNECTIONS: Final = "1000"
_ACCOUNT: Final = "nobody"
_COUNTER: Final = re.compile(rb"mesg=(\d+)\r")
_COUNTER_BYTES: Final = 200


@contextlib.contextmanager
def mail_folder() -> Iterator[Path]:
    """A folder that a sink can write to, for as long as it is used.

    Not in the system's home, which the sink's own account may not enter.
    """
    with tempfile.TemporaryDirectory(prefix="smtp-sink-") as name:
        if os.geteuid() == 0:
            shutil.chown(name, _ACCOUNT)
        yield Path(name)


class SmtpSink:
    """One `smtp-sink` on 127.0.0.1.

    Args:
        home: Holds its log.
        port: Where it listens.
        mails: Keep each mail in this folder as a file, whose time of change is when it was
            accepted. Slow.
    """

    def __init__(self, home: Path, port: int, *, mails: Path | None = None) -> None:
        self.port = port
        self._process = ChildProcess(
            Program(
                argv=(_find(), *_options(mails), f"inet:127.0.0.1:{port}", _BACKLOG),
                environment={"PATH": os.environ["PATH"]},
                folder=home,
                log=home / "smtp-sink.log",
                record=home / "smtp-sink-process.json",
                stop_signal=signal.SIGTERM,
                stop_seconds=_STOP_SECONDS,
            )
        )

    async def start(self) -> None:
        """Start it and wait until it listens; its counter begins at zero.

        Raises:
            BenchmarkError: It ended, or does not listen.
        """
        await end_leftover(self._process.record)
        self._process.start()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        while not await self._listens():
            if self._process.pid is None or loop.time() > deadline:
                await self._process.stop()
                said = self._process.log.read_text(errors="replace").strip()
                raise BenchmarkError(f"smtp-sink did not start: {said or 'it said nothing'}")
            await asyncio.sleep(_POLL_SECONDS)

    async def stop(self) -> None:
        """End it."""
        await self._process.stop()

    def accepted(self) -> int:
        """How many mails it has accepted since it was started."""
        with self._process.log.open("rb") as log:
            size = log.seek(0, os.SEEK_END)
            log.seek(max(0, size - _COUNTER_BYTES))
            counters = _COUNTER.findall(log.read())
        return int(counters[-1]) if counters else 0

    async def _listens(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


def _options(mails: Path | None) -> list[str]:
    options = ["-c", "-m", _CONNECTIONS]
    if os.geteuid() == 0:
        options += ["-u", _ACCOUNT]  # it refuses to stay root
    if mails is not None:
        options += ["-d", f"{mails}/mail."]
    return options


def _find() -> str:
    for place in _PLACES:
        if Path(place).exists():
            return place
    if found := shutil.which("smtp-sink"):
        return found
    raise BenchmarkError(
        "smtp-sink is missing. It is a part of Postfix: install the package `postfix`; its server "
        "need not run."
    )
