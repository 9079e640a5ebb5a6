"""Lets the tests import what they share, and starts Google's stand-in."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Found only by the path above
from fake_google import FakeGoogle, fake_google
from service_account_keys import key_file

from push_service.adapters.service_account import (
    ServiceAccount,
    parse_service_account,
)
from servicekit.http_client import AsyncClient, create_http_client


@pytest.fixture
async def google() -> AsyncIterator[FakeGoogle]:
    async with fake_google() as running:
        yield running


@pytest.fixture
def account(google: FakeGoogle) -> ServiceAccount:
    return parse_service_account(key_file(token_uri=f"{google.url}/token"))


@pytest.fixture
async def client(google: FakeGoogle) -> AsyncIterator[AsyncClient]:
    async with create_http_client(google.url, timeout_seconds=0.5, http2=True) as running:
        yield running
