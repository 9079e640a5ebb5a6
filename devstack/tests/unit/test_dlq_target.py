"""Which gateway `make dlq` speaks to."""

import subprocess
import sys
from pathlib import Path

import pytest

from devstack.dlq.__main__ import main
from devstack.dlq.target import Target, find_target
from devstack.errors import DevstackError
from devstack.run_env import render

KEY = "a-key"


@pytest.fixture
def run_env(tmp_path: Path) -> Path:
    file = tmp_path / "run.env"
    file.write_text(
        render({"GATEWAY_URL": "http://127.0.0.1:8000", "API_KEY": "it's", "OTHER": "a b"})
    )
    return file


def test_the_environment_comes_first_and_the_running_stack_second(run_env: Path) -> None:
    given = {"GATEWAY_URL": "https://gateway.example/", "API_KEY": KEY}
    assert find_target(given, run_env) == Target("https://gateway.example", KEY)
    assert find_target({}, run_env) == Target("http://127.0.0.1:8000", "it's")


def test_the_key_of_one_system_is_not_shown_to_another(run_env: Path) -> None:
    for name, value in (("GATEWAY_URL", "https://gateway.example"), ("API_KEY", KEY)):
        with pytest.raises(DevstackError, match="is not set in the environment"):
            find_target({name: value}, run_env)


def test_a_key_is_not_printed_by_accident() -> None:
    assert KEY not in repr(Target("http://127.0.0.1", KEY))


def test_without_either_it_says_how_to_begin(tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="Start `make run`, or set GATEWAY_URL and API_KEY"):
        find_target({}, tmp_path / "missing.env")


@pytest.mark.parametrize("url", ["gateway:8000", "ftp://a", "http://", "http://a:b", "http://[x"])
def test_an_address_that_is_none_is_named(url: str, tmp_path: Path) -> None:
    with pytest.raises(DevstackError, match="which is no address"):
        find_target({"GATEWAY_URL": url, "API_KEY": KEY}, tmp_path)


def test_a_key_that_no_header_can_carry_is_refused(tmp_path: Path) -> None:
    for key in ("schlüssel", "a\nb"):
        with pytest.raises(DevstackError, match="API_KEY holds characters"):
            find_target({"GATEWAY_URL": "http://a", "API_KEY": key}, tmp_path)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "It is not known which gateway is meant."),
        ({"GATEWAY_URL": "http://127.0.0.1:9", "API_KEY": KEY}, "does not answer"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_an_exit_code(
    environment: dict[str, str], said: str, tmp_path: Path
) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "devstack.dlq", "list"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stdout) == (1, "")
    assert said in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_help_is_help(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["--help"])
    assert caught.value.code == 0
    assert "make dlq" in capsys.readouterr().out
