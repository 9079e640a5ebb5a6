"""Lets the tests import what they share, and starts the scripted SMTP server."""

import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

# Found only by the path above
from scripted_smtp_server import ScriptedSmtpServer, scripted_smtp_server
from smtp_providers import a_provider

from email_service.adapters.smtp_provider import SmtpProvider

EXTENSIONS = ("SIZE 1000000", "8BITMIME")


@pytest.fixture(params=[EXTENSIONS, ("PIPELINING", *EXTENSIONS)], ids=["one-by-one", "pipelined"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[ScriptedSmtpServer]:
    """Once of the old sort, and once of the sort that takes several commands at a time."""
    async with scripted_smtp_server(request.param) as running:
        yield running


@pytest.fixture
async def provider(server: ScriptedSmtpServer) -> AsyncIterator[SmtpProvider]:
    async with a_provider(server.port) as running:
        yield running
