"""For integration tests of the services: databases of their own on the servers that devstack runs.

Not imported by any service; it lives here because every service's tests need it alone.
"""

import asyncio
import os
import secrets
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path


class ServersMissingError(RuntimeError):
    """The servers that integration tests need are not there."""


def server_url(variable: str) -> str:
    """The address of a real server for tests: `TEST_POSTGRES_URL`, `TEST_REDIS_URL` …

    Raises:
        ServersMissingError: Says how to get it.
    """
    url = os.environ.get(variable)
    if not url:
        msg = f"{variable} is not set. Run `make test`, or `make test-servers` for a shell with it."
        raise ServersMissingError(msg)
    return url


@asynccontextmanager
async def temporary_database(service_folder: Path | None = None) -> AsyncIterator[str]:
    """A new database, brought up to date by the service's own migrations, and dropped at the end.

    Args:
        service_folder: Holds `alembic.ini`; None leaves the database empty.

    Yields:
        Its `postgresql+asyncpg://` address.
    """
    # Here, because services without a database have neither, and need the rest of this module.
    from sqlalchemy import make_url

    admin = make_url(server_url("TEST_POSTGRES_URL"))
    name = f"test_{secrets.token_hex(6)}"
    await _execute(admin.render_as_string(hide_password=False), f'CREATE DATABASE "{name}"')
    url = admin.set(database=name).render_as_string(hide_password=False)
    try:
        if service_folder is not None:
            await migrate(service_folder, url)
        yield url
    finally:
        await _execute(
            admin.render_as_string(hide_password=False), f'DROP DATABASE "{name}" WITH (FORCE)'
        )


async def migrate(service_folder: Path, url: str, revision: str = "head") -> None:
    """Run a service's migrations, as an operator does."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "alembic", "upgrade", revision),
        cwd=service_folder,
        env={**os.environ, "DATABASE_URL": url},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    if process.returncode:
        msg = f"migrating {service_folder.name} failed:\n{output.decode()}"
        raise RuntimeError(msg)


async def _execute(url: str, statement: str) -> None:
    import asyncpg

    connection = await asyncpg.connect(url.replace("postgresql+asyncpg://", "postgresql://"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
