"""A whole system to be fuzzed, and what it holds; how long and from which seed is said here."""

import random
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

# In importlib mode pytest leaves sys.path alone.
sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.fuzz.plan import Plan
from tests.fuzz.schemathesis_run import Report
from tests.fuzz.world import MAIL_SERVER_TOKEN, World, create_world, new_webhook_key

from devstack.addresses import StackSecrets
from devstack.stack import Stack

CHECKOUT = Path(__file__).parents[2]
HOME = CHECKOUT / ".devstack" / "fuzz"
PLAN = pytest.StashKey[Plan]()
REPORTS = pytest.StashKey[list[Report]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """`make fuzz ARGS="--seed 7 --minutes 5"`."""
    parser.addoption("--seed", type=int, default=None, help="of all that is generated")
    parser.addoption("--minutes", type=float, default=None, help="for all services together")


def pytest_configure(config: pytest.Config) -> None:
    seed = config.getoption("--seed")
    config.stash[PLAN] = Plan(
        random.randrange(2**32) if seed is None else seed, config.getoption("--minutes")
    )
    config.stash[REPORTS] = []


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """The figures, and how to have the same again, whatever came out."""
    for report in config.stash[REPORTS]:
        terminalreporter.write_line(report.line())
    terminalreporter.write_line(f"The same again: {config.stash[PLAN].repeat()}")


@pytest.fixture(scope="session")
def plan(pytestconfig: pytest.Config) -> Plan:
    return pytestconfig.stash[PLAN]


@pytest.fixture(scope="session")
def reports(pytestconfig: pytest.Config) -> list[Report]:
    """Figures that are to be printed at the end."""
    return pytestconfig.stash[REPORTS]


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """Everything, started once; nothing is broken on purpose, and who dies stays dead."""
    HOME.mkdir(parents=True, exist_ok=True, mode=0o700)
    tokens = StackSecrets.kept_in(HOME / "secrets").service_tokens
    stack = Stack(
        HOME,
        CHECKOUT,
        overrides={
            "email-service": {
                "SERVICE_TOKENS": f"api-gateway:{tokens['api-gateway']},mta:{MAIL_SERVER_TOKEN}",
                "SENDGRID_WEBHOOK_PUBLIC_KEY": new_webhook_key(),
            }
        },
        say=print,
    )
    await stack.start()
    try:
        yield stack
    finally:
        await stack.stop()


@pytest.fixture(scope="session")
async def world(stack: Stack) -> World:
    """What is there to be named, and who may do what."""
    return await create_world(stack, CHECKOUT)
