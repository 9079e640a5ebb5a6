"""One system for all scenarios, in a home of its own, and the table of what came out."""

import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# In importlib mode pytest leaves sys.path alone.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.faults.bench import WORKER_SETTINGS, Bench
from tests.faults.load import create_template
from tests.faults.results import Results

from devstack.addresses import ADMIN_EMAIL
from devstack.fault_proxy import FaultProxy
from devstack.stack import Stack
from devstack.system_client import SystemClient
from servicekit.http_client import create_http_client

CHECKOUT = Path(__file__).parents[2]
CLIENT_SECONDS = 5.0
SEED = pytest.StashKey[int]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("faults")
    group.addoption("--full", action="store_true", help="all scenarios, in their long form")
    group.addoption("--seed", type=int, help="repeat the random choices of an earlier run")
    group.addoption("--results", type=Path, help="write the table's rows to this JSON file")


def pytest_configure(config: pytest.Config) -> None:
    chosen: int | None = config.getoption("--seed")
    config.stash[SEED] = random.SystemRandom().randrange(10**6) if chosen is None else chosen


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    seed = config.stash[SEED]
    terminalreporter.write_line(f"The seed was {seed}; --seed {seed} repeats the random choices.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("--full"):
        skip = pytest.mark.skip(reason="only in `make faults`")
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(skip)


@pytest.fixture(scope="session")
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """The system with two email workers, all of it reaching the broker through a proxy."""
    home = CHECKOUT / ".devstack" / "faults"
    home.mkdir(parents=True, exist_ok=True, mode=0o700)
    stack = Stack(home, CHECKOUT, overrides={"email-service": WORKER_SETTINGS}, say=print)
    broker = FaultProxy(lambda: stack.servers.rabbitmq.port)
    await stack.start()
    try:
        await broker.start()
        await stack.add_replica("email-service")
        stack.watch()
        # A connection for each request, as many clients would have; a kept one may be closed by the
        # server in the very moment of its next use, and that is no answer to score.
        async with create_http_client(
            timeout_seconds=CLIENT_SECONDS, headers={"Connection": "close"}
        ) as http:
            system = SystemClient(http, stack.addresses.system_urls)
            seed = request.config.stash[SEED]
            results = Results(seed, request.config.getoption("--results"), say=print)
            is_full = bool(request.config.getoption("--full"))
            bench = Bench(stack, system, broker, results, seed=seed, is_full=is_full)
            await bench.route_broker()
            await system.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "faults")
            await create_template(system)
            yield bench
    finally:
        await stack.stop()
        await broker.stop()
