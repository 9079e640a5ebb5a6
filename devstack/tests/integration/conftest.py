"""The servers that the integration tests share: started once, in a home that ends with the run."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from devstack.servers import Servers, clean

DEFINITIONS = Path(__file__).parents[3] / "rabbitmq-config" / "definitions.json"


@pytest.fixture(scope="session")
def definitions() -> Path:
    return DEFINITIONS


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def servers(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Servers]:
    home = tmp_path_factory.mktemp("stack") / "home"
    stack = Servers(home, DEFINITIONS)
    await stack.start()
    yield stack
    await stack.stop()
    await clean(home)
