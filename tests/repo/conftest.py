"""Makes what the architecture tests share importable, as `tests.repo.…`."""

import sys
from pathlib import Path

import pytest
from fastapi import FastAPI

# In importlib mode pytest leaves sys.path alone.
sys.path.insert(0, str(Path(__file__).parents[2]))


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> dict[str, FastAPI]:
    """Every process's application by its name; nothing is connected."""
    from tests.repo.built_apps import build_apps

    return build_apps(tmp_path_factory.mktemp("fcm"))
