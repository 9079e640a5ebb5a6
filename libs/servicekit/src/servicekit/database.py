"""PostgreSQL through SQLAlchemy Core and asyncpg: bounded pools, short queries, plain errors."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from servicekit.errors import UnavailableError

_POOL_WAIT_SECONDS: Final = 2.0
_CONNECT_SECONDS: Final = 2.0


class DatabaseUnavailableError(UnavailableError):
    """PostgreSQL is away, or all connections are busy; nothing was committed as far as we know."""


class Database:
    """A pool of connections to one service's database.

    Args:
        url: `postgresql+asyncpg://…`.
        name: Shown as `application_name`.
        pool_size: Connections kept; as many again may be opened for a peak. The sum over all
            processes must stay under the server's `max_connections`.
        statement_seconds: A longer statement is cancelled by the server.
    """

    def __init__(
        self, url: str, *, name: str, pool_size: int = 5, statement_seconds: float = 5.0
    ) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_timeout=_POOL_WAIT_SECONDS,
            pool_pre_ping=True,
            # An error that is logged would else show addresses and whatever else was written.
            hide_parameters=True,
            connect_args={
                "timeout": _CONNECT_SECONDS,
                # asyncpg's own limit, for a server that no longer answers at all
                "command_timeout": statement_seconds + 1,
                "server_settings": {
                    "application_name": name,
                    "statement_timeout": str(int(statement_seconds * 1000)),
                    "idle_in_transaction_session_timeout": "10000",
                    "timezone": "UTC",
                },
            },
        )
        self._autocommitting = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction, committed at the end of the block and rolled back on an error.

        Raises:
            DatabaseUnavailableError: There is no connection, it was lost, or a statement took
                too long. Where it was lost in the commit, the commit may have succeeded.
        """
        with _errors_as_ours():
            async with self.engine.begin() as connection:
                yield connection

    @asynccontextmanager
    async def statement(self) -> AsyncIterator[AsyncConnection]:
        """A connection on which each statement is a transaction, without BEGIN and COMMIT.

        For one statement: it saves two of three round trips.

        Raises:
            DatabaseUnavailableError: As `transaction`; a statement that wrote may have succeeded.
        """
        with _errors_as_ours():
            async with self._autocommitting.connect() as connection:
                yield connection

    async def check(self) -> None:
        """Raise when the database does not answer."""
        async with self.transaction() as connection:
            await connection.execute(text("SELECT 1"))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()


@contextmanager
def _errors_as_ours() -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError, OSError, TimeoutError) as error:
        raise DatabaseUnavailableError(_AWAY) from error
    except DBAPIError as error:
        if error.connection_invalidated or _passes(error):
            raise DatabaseUnavailableError(_AWAY) from error
        raise


_AWAY: Final = "The database does not answer; send the request again."
# https://www.postgresql.org/docs/current/errcodes-appendix.html: `statement_timeout` cancelled it;
# the server's disk is full, or it has no connection left; it is shutting down, or starting; the
# transaction was the victim of a deadlock or could not be serialised.
_PASSING: Final = {"57014", "53100", "53300", "57P01", "57P02", "57P03", "40001", "40P01"}


def _passes(error: DBAPIError) -> bool:
    return getattr(error.orig, "sqlstate", None) in _PASSING
