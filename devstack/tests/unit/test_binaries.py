from pathlib import Path

import pytest

from devstack.binaries import Binaries, parse_version


@pytest.mark.parametrize(
    ("text", "version"),
    [
        ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", (15, 13)),
        ("Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64", (7, 0, 15)),
        ("/usr/lib/rabbitmq/lib/rabbitmq_server-3.10.8/sbin/rabbitmq-server", (3, 10, 8)),
        ("/opt/homebrew/Cellar/rabbitmq/4.1.0/sbin/rabbitmq-server", (4, 1, 0)),
        ("command not found", ()),
    ],
)
def test_reads_the_version_that_a_server_prints(text: str, version: tuple[int, ...]) -> None:
    assert parse_version(text) == version


def test_names_what_is_missing_with_the_oldest_usable_version() -> None:
    binaries = Binaries(postgres=Path("/pg"), redis=None, rabbitmq=Path("/mq"), epmd=None)
    assert binaries.missing == ("Redis 7 or newer", "RabbitMQ 3.10 or newer")


def test_misses_nothing_when_all_programs_are_there() -> None:
    path = Path("/bin")
    assert Binaries(path, path, path, path).missing == ()
