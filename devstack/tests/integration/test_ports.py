import random
import socket
from pathlib import Path

import pytest

from devstack.ports import HIGHEST, LOWEST, PortBook


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ports.json"


def listen(port: int) -> socket.socket:
    listener = socket.socket()
    listener.bind(("127.0.0.1", port))
    listener.listen()
    return listener


def test_gives_the_same_port_to_the_same_name_in_a_later_run(path: Path) -> None:
    first = PortBook(path, random.Random(1)).take("redis")
    assert PortBook(path, random.Random(2)).take("redis") == first


def test_chooses_below_the_range_of_outgoing_connections(path: Path) -> None:
    assert LOWEST <= PortBook(path, random.Random(3)).take("redis") <= HIGHEST


def test_never_gives_one_port_to_two_names(path: Path) -> None:
    book = PortBook(path, random.Random(4))
    port = book.take("redis")
    assert book.take("postgres", preferred=port) != port


def test_prefers_the_wanted_port_while_it_is_free(path: Path) -> None:
    free = PortBook(path, random.Random(5)).take("other")
    path.unlink()
    assert PortBook(path, random.Random(6)).take("gateway", preferred=free) == free


def test_chooses_anew_when_somebody_else_listens_on_the_kept_port(path: Path) -> None:
    book = PortBook(path, random.Random(7))
    kept = book.take("redis")
    with listen(kept):
        other = book.take("redis")
        assert other != kept
    assert PortBook(path, random.Random(8)).take("redis") == other
