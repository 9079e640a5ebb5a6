"""What bootstrap.sh says where it cannot go on, and that it does nothing twice."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

BOOTSTRAP = Path(__file__).parents[2] / "bootstrap.sh"


def bootstrap(folder: Path, python: str, *members: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", str(BOOTSTRAP), python, ".venv", "requirements.txt", *members],
        cwd=folder,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "requirements.txt").write_text("")
    return tmp_path


def test_says_that_python_is_missing(checkout: Path) -> None:
    done = bootstrap(checkout, "python9.9")
    assert done.returncode == 1
    assert done.stderr == "python9.9 was not found; install Python 3.11 or newer.\n"


def test_says_that_python_is_too_old(checkout: Path) -> None:
    old = checkout / "python3.8"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1" && exit 0\nexit 1\n')
    old.chmod(0o755)
    done = bootstrap(checkout, str(old))
    assert done.returncode == 1
    assert done.stderr.startswith("Python 3.8.1 is too old; ")


def test_says_that_a_member_is_missing(checkout: Path) -> None:
    done = bootstrap(checkout, sys.executable, "no-such-member")
    assert done.returncode == 1
    assert "cannot be read" in done.stderr
    assert not (checkout / ".venv").exists()


@pytest.mark.slow
def test_is_silent_when_nothing_changed_and_works_again_when_something_did(checkout: Path) -> None:
    first = bootstrap(checkout, sys.executable)
    assert first.returncode == 0, first.stderr
    assert (checkout / ".venv" / "bin" / "uv").exists()
    assert bootstrap(checkout, sys.executable).stdout == ""
    (checkout / "requirements.txt").write_text("# changed\n")
    assert "Installing" in bootstrap(checkout, sys.executable).stdout
