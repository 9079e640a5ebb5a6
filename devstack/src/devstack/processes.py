"""A server as a child process: a session of its own, so that Ctrl-C in the terminal is ours alone,
and tied to us, so that it ends even when we are killed. What still survives (a frozen child, a
system without parent-death signals) is found by its record at the next start, and ended then.
"""

import asyncio
import ctypes
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.passwords import write_private
from devstack.process_table import Entry, birth_of, family_of, read_processes

_POLL_SECONDS = 0.05
_KILL_SECONDS = 10.0
_PR_SET_PDEATHSIG = 1  # <sys/prctl.h>


@dataclass(frozen=True)
class Account:
    """The system user that a child runs as, where it is not our own."""

    name: str
    uid: int
    gid: int


@dataclass(frozen=True)
class Program:
    """What to run, and how it wants to be ended.

    `stop_signal` goes to the leader only, which has `stop_seconds` to end its own family; `record`
    is the file that remembers the running process; `log` receives stdout and stderr.
    """

    argv: tuple[str, ...]
    environment: Mapping[str, str]
    folder: Path
    log: Path
    record: Path
    stop_signal: signal.Signals
    stop_seconds: float
    account: Account | None = None


def tie_to_parent(death_signal: signal.Signals) -> Callable[[], None] | None:
    """Return what a new child has to run so that `death_signal` reaches it when we die.

    Linux only (prctl(2), PR_SET_PDEATHSIG): it survives exec of an ordinary program, and is bound
    to the *thread* that starts the child, which therefore has to be the main one.
    """
    if sys.platform != "linux":
        return None
    libc = ctypes.CDLL(None, use_errno=True)
    parent = os.getpid()

    def tie() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, int(death_signal), 0, 0, 0)
        if os.getppid() != parent:  # we died before the tie was made
            os._exit(1)

    return tie


class ChildProcess:
    """Runs one Program, any number of times one after the other.

    `program` may be exchanged for one with the same log and record; it is run from the next start.
    """

    def __init__(self, program: Program) -> None:
        self.program = program
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def record(self) -> Path:
        """Where the running process is remembered, for `end_leftover`."""
        return self.program.record

    @property
    def log(self) -> Path:
        """The log of the current or last run."""
        return self.program.log

    @property
    def pid(self) -> int | None:
        """The leader's process id, None when it is not running."""
        return self._child.pid if self._child and self._child.poll() is None else None

    def describe_end(self) -> str:
        """Say how the last run ended, in words for the terminal."""
        code = self._child.poll() if self._child else None
        if code is None:
            return "is not known to have ended"
        if code < 0:
            return f"was ended by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def start(self) -> None:
        """Start the program; call it on the main thread (see `tie_to_parent`)."""
        program = self.program
        if program.log.exists():
            program.log.replace(program.log.with_suffix(".previous.log"))
        with program.log.open("wb") as log:
            self._child = subprocess.Popen(
                program.argv,
                cwd=program.folder,
                env=dict(program.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=tie_to_parent(program.stop_signal),  # noqa: PLW1509 - only prctl
                user=program.account.uid if program.account else None,
                group=program.account.gid if program.account else None,
                extra_groups=[] if program.account else None,
            )
        _remember(program, self._child.pid)

    async def stop(self) -> None:
        """End the program and its family, gently first; do nothing when it is not running."""
        if (pid := self.pid) is not None:
            await _end(family_of(pid), self.program.stop_signal, self.program.stop_seconds)
        if self._child is not None:
            self._child.wait(_KILL_SECONDS)  # it has ended; this takes its exit code
        self._forget()

    def kill(self) -> None:
        """End the whole family with SIGKILL, as a crash would."""
        if (pid := self.pid) is not None and self._child is not None:
            _signal(family_of(pid), signal.SIGKILL)
            self._child.wait(_KILL_SECONDS)
        self._forget()

    def freeze(self) -> None:
        """Halt the whole family with SIGSTOP: its sockets stay open and silent."""
        if (pid := self.pid) is not None:
            # The leader first, so that the family we list cannot grow any more.
            os.kill(pid, signal.SIGSTOP)
            _signal(family_of(pid), signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen family run on."""
        if (pid := self.pid) is not None:
            _signal(family_of(pid), signal.SIGCONT)

    def _forget(self) -> None:
        self.program.record.unlink(missing_ok=True)


async def end_leftover(record: Path) -> None:
    """End what an earlier run left alive, as its `record` remembers it, and nothing else."""
    kept = _recall(record)
    if kept and kept["birth"] is not None and birth_of(kept["pid"]) == kept["birth"]:
        stop_signal = signal.Signals(kept["stop_signal"])
        await _end(family_of(kept["pid"]), stop_signal, kept["stop_seconds"])


def _recall(record: Path) -> dict[str, Any] | None:
    if not record.exists():
        return None
    kept: dict[str, Any] = json.loads(record.read_text())
    return kept


def _remember(program: Program, pid: int) -> None:
    kept = {
        "pid": pid,
        "birth": birth_of(pid),
        "stop_signal": int(program.stop_signal),
        "stop_seconds": program.stop_seconds,
    }
    write_private(program.record, json.dumps(kept))


async def _end(family: list[Entry], stop_signal: signal.Signals, seconds: float) -> None:
    _signal(family, signal.SIGCONT)
    _signal(family[:1], stop_signal)
    if not await _gone(family, seconds):
        _signal(family, signal.SIGKILL)
        await _gone(family, _KILL_SECONDS)


async def _gone(family: list[Entry], seconds: float) -> bool:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    while _alive(family):
        if loop.time() > deadline:
            return False
        await asyncio.sleep(_POLL_SECONDS)
    return True


def _alive(family: list[Entry]) -> list[Entry]:
    processes = read_processes()
    return [e for e in family if (now := processes.get(e.pid)) and now.birth == e.birth]


def _signal(family: list[Entry], number: signal.Signals) -> None:
    for entry in _alive(family):
        try:
            os.kill(entry.pid, number)
        except ProcessLookupError:
            continue  # it ended by itself meanwhile
