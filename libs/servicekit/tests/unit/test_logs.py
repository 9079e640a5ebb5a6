"""What reaches the log of a process: each line one JSON object, whoever wrote it."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from servicekit.correlation import correlated
from servicekit.logs import configure_logging, get_logger


class Lines:
    def __init__(self) -> None:
        self.stream = io.StringIO()

    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def one(self) -> dict[str, Any]:
        (line,) = self.all()
        return line


@pytest.fixture
def lines() -> Iterator[Lines]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    found = Lines()
    configure_logging("test-service", "INFO", found.stream)
    yield found
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


def test_a_line_says_what_where_and_when(lines: Lines) -> None:
    get_logger("test").info("order.placed", amount=3, note="ä\n")
    line = lines.one()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "order.placed", "amount": 3, "note": "ä\n", "level": "info",
        "logger": "test", "service": "test-service",
    }  # fmt: skip


def test_a_line_carries_the_correlation_id_of_its_request(lines: Lines) -> None:
    with correlated("c-1"):
        get_logger("test").info("inside")
    get_logger("test").info("outside")
    inside, outside = lines.all()
    assert inside["correlation_id"] == "c-1"
    assert "correlation_id" not in outside


def test_libraries_lines_look_like_ours(lines: Lines) -> None:
    with correlated("c-2"):
        logging.getLogger("some.library").warning("took %d s", 3, extra={"host": "h"})
    line = lines.one()
    assert (line["event"], line["level"], line["host"]) == ("took 3 s", "warning", "h")
    assert (line["service"], line["correlation_id"]) == ("test-service", "c-2")


def test_an_exception_is_one_line(lines: Lines) -> None:
    try:
        raise ValueError("no")
    except ValueError:
        get_logger("test").exception("it.failed")
    assert "ValueError: no" in lines.one()["exception"]


@pytest.mark.parametrize("value", [2**70, "\ud800", {1: 2}, object(), b"x", {"a": {"b": 2**64}}])
def test_nothing_is_too_odd_to_be_logged(value: object, lines: Lines) -> None:
    get_logger("test").info("odd", value=value)
    assert lines.one()["event"] == "odd"


@pytest.mark.parametrize("name", ["httpx", "aio_pika.robust_connection", "uvicorn.access"])
def test_chatty_libraries_are_quiet(name: str, lines: Lines) -> None:
    logging.getLogger(name).info("GET / 200")
    assert lines.all() == []


def test_the_level_holds(lines: Lines) -> None:
    get_logger("test").debug("hidden")
    assert lines.all() == []
