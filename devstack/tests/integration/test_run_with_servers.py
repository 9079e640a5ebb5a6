"""`python -m devstack.servers` as its users run it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from devstack.postgres_home import OUTSIDE
from devstack.process_table import family_of, read_processes

pytestmark = pytest.mark.slow


def command(home: Path, definitions: Path, *words: str) -> list[str]:
    options = ["--home", str(home), "--definitions", str(definitions)]
    return [sys.executable, "-m", "devstack.servers", *options, *words]


def test_passes_on_addresses_and_exit_code_and_leaves_no_process(
    tmp_path: Path, definitions: Path
) -> None:
    home = tmp_path / "home"
    before = set(read_processes())
    script = 'echo "$TEST_POSTGRES_URL $TEST_REDIS_URL $TEST_AMQP_URL"; exit 7'
    done = subprocess.run(
        command(home, definitions, "--", "sh", "-c", script),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    postgres, redis, amqp = done.stdout.split()
    assert postgres.startswith("postgresql+asyncpg://postgres:")
    assert redis.startswith("redis://:")
    assert amqp.startswith("amqp://notifications:")
    left = [p for p in set(read_processes()) - before if mentions(p, home)]
    assert left == []
    subprocess.run(command(home, definitions, "--clean"), check=True)
    assert not home.exists()
    assert not any(str(home) in m.read_text() for m in OUTSIDE.glob("notification-*/home.json"))


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_ends_everything_when_it_is_ended(
    tmp_path: Path, definitions: Path, number: signal.Signals, code: int
) -> None:
    home = tmp_path / "home"
    words = ("--", "sh", "-c", "echo up; exec sleep 60")
    with subprocess.Popen(
        command(home, definitions, *words), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as runner:
        assert runner.stdout is not None
        assert runner.stdout.readline() == b"up\n"
        family = family_of(runner.pid)
        assert len(family) > 10
        os.kill(runner.pid, number)
        assert runner.wait(30) == code
    deadline = time.monotonic() + 20
    while left := [e for e in family if read_processes().get(e.pid) == e]:
        assert time.monotonic() < deadline, left
        time.sleep(0.1)
    subprocess.run(command(home, definitions, "--clean"), check=True)


def test_says_in_one_sentence_that_the_definitions_are_missing(tmp_path: Path) -> None:
    done = subprocess.run(
        command(tmp_path / "home", tmp_path / "none.json", "--", "true"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "none.json cannot be read" in done.stderr
    subprocess.run(command(tmp_path / "home", tmp_path / "none.json", "--clean"), check=True)


def mentions(pid: int, home: Path) -> bool:
    try:
        return str(home).encode() in Path(f"/proc/{pid}/environ").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return False
