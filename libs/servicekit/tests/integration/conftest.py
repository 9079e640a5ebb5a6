"""Servers for these tests: shared ones by their address, and private ones that may be broken."""

import random
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from devstack.binaries import find_binaries
from devstack.ports import PortBook
from devstack.rabbitmq import RabbitMQ
from devstack.rabbitmq_files import USER
from devstack.redis import Redis
from servicekit.testing import server_url

_DEFINITIONS = Path(__file__).parents[4] / "rabbitmq-config" / "definitions.json"


@pytest.fixture(scope="session")
def amqp_url() -> str:
    return server_url("TEST_AMQP_URL")


@pytest.fixture(scope="session")
def redis_url() -> str:
    return server_url("TEST_REDIS_URL")


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("private-servers")


@pytest.fixture(scope="session")
def ports(home: Path) -> PortBook:
    return PortBook(home / "ports.json", random.SystemRandom())


@pytest.fixture(scope="session")
async def private_broker(home: Path, ports: PortBook) -> AsyncIterator[RabbitMQ]:
    """A RabbitMQ that only these tests use, so that they may freeze and restart it."""
    binaries = find_binaries()
    assert binaries.rabbitmq is not None
    assert binaries.epmd is not None
    broker = RabbitMQ(binaries.rabbitmq, binaries.epmd, home / "rabbitmq", ports, _DEFINITIONS)
    await broker.start()
    # Some of these tests create and delete exchanges, which a service's user may not.
    await broker.control("set_permissions", USER, ".*", ".*", ".*")
    try:
        yield broker
    finally:
        broker.thaw()
        await broker.stop()


@pytest.fixture(scope="session")
async def private_redis(home: Path, ports: PortBook) -> AsyncIterator[Redis]:
    """A Redis that only these tests use."""
    binaries = find_binaries()
    assert binaries.redis is not None
    server = Redis(binaries.redis, home / "redis", ports)
    await server.start()
    try:
        yield server
    finally:
        server.thaw()
        await server.stop()
