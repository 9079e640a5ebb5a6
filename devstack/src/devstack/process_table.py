"""Reads the machine's process table: who descends from whom, and whether a pid is still the same.

A pid alone names nobody, since the kernel gives it out again; with its time of birth it does.
"""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")


@dataclass(frozen=True)
class Entry:
    """One live process; `birth` differs between two processes that had the same pid."""

    pid: int
    parent: int
    birth: str


def read_processes() -> dict[int, Entry]:
    """Return all live processes by pid, without zombies."""
    entries = _read_proc() if sys.platform == "linux" else _read_ps()
    return {entry.pid: entry for entry in entries}


def birth_of(pid: int) -> str | None:
    """Return when `pid` was born, or None when no such process is alive."""
    entry = read_processes().get(pid)
    return entry.birth if entry else None


def family_of(pid: int) -> list[Entry]:
    """Return `pid` and all its descendants that are alive, parents first."""
    processes = read_processes()
    family = [processes[pid]] if pid in processes else []
    for member in family:
        family += [entry for entry in processes.values() if entry.parent == member.pid]
    return family


def _read_proc() -> list[Entry]:
    boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
    entries = []
    for folder in _PROC.iterdir():
        if not folder.name.isdigit():
            continue
        try:
            stat = (folder / "stat").read_text()
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we were reading
        entry = parse_stat(stat, boot)
        if entry:
            entries.append(entry)
    return entries


def parse_stat(line: str, boot: str) -> Entry | None:
    """Read one /proc/PID/stat line (proc(5): 3 state, 4 ppid, 22 starttime); None for a zombie."""
    pid = int(line.partition(" ")[0])
    # The command name stands in parentheses and may itself hold spaces and parentheses.
    state, parent, *rest = line.rpartition(")")[2].split()
    if state in {"Z", "X"}:
        return None
    return Entry(pid, int(parent), f"{boot}:{rest[17]}")


def _read_ps() -> list[Entry]:
    listing = subprocess.run(
        ["ps", "-axo", "pid=,ppid=,stat=,lstart="], check=True, capture_output=True, text=True
    ).stdout
    rows = (line.split(maxsplit=3) for line in listing.splitlines())
    return [Entry(int(r[0]), int(r[1]), r[3]) for r in rows if not r[2].startswith("Z")]
