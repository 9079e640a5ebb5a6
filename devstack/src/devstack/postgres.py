"""The private PostgreSQL: TCP on 127.0.0.1 only, passwords for everybody, its own data folder."""

import asyncio
import os
import re
import shutil
import signal
import sys
from pathlib import Path
from urllib.parse import quote

import asyncpg

from devstack.errors import DevstackError, ServerStartError
from devstack.passwords import keep_password, write_private
from devstack.ports import PortBook
from devstack.postgres_home import place_postgres
from devstack.private_server import NotReadyError, PrivateServer, find_reason
from devstack.processes import ChildProcess, Program

SUPERUSER = "postgres"
_NAME = re.compile(r"[a-z_][a-z0-9_]{0,62}")
# Five services with pools of 10 to 20 and the tests' own connections, with room to spare.
_MAX_CONNECTIONS = 200
_NOT_READY = (OSError, asyncpg.CannotConnectNowError, asyncpg.ConnectionDoesNotExistError)


class Postgres(PrivateServer):
    """One PostgreSQL server; `binaries` is the folder that holds initdb and postgres."""

    name = "PostgreSQL"
    start_seconds = 60.0
    poll_seconds = 0.05

    def __init__(self, binaries: Path, home: Path, ports: PortBook) -> None:
        logs = home / "postgres-logs"
        logs.mkdir(mode=0o700, parents=True, exist_ok=True)
        place = place_postgres(home)
        self._place = place
        self._binaries = binaries
        self._data = place.folder / "data"
        self._initdb_log = logs / "initdb.log"
        self._password = keep_password(home / "postgres-password")
        self._creating = asyncio.Lock()
        self._environment = {"PATH": os.defpath, "LANG": "C.UTF-8", "TZ": "UTC"}
        self._logs = logs
        # The port stands in the arguments, so the process is built at the first start.
        super().__init__(ChildProcess(self._program(0)), ports)

    def url(self, database: str = "postgres") -> str:
        """The superuser's SQLAlchemy address of `database`."""
        return self._url(SUPERUSER, self._password, database)

    async def create_database(self, name: str, role: str, password: str) -> str:
        """Create `role` and its database `name` where they are missing, and return the address.

        The role gets `password` even if it exists; no other role may connect to the database.
        Raises DevstackError for a name that is not lower-case letters, digits and underscores.
        """
        for value in (name, role):
            if not _NAME.fullmatch(value):
                raise DevstackError(
                    f"{value!r} is no name for a database or role: "
                    "use up to 63 lower-case letters, digits and underscores."
                )
        async with self._creating:  # two at once would collide on template1
            connection = await self._connect()
            try:
                await _ensure_role(connection, role, password)
                await _ensure_database(connection, name, role)
            finally:
                await connection.close()
        return self._url(role, password, name)

    def _url(self, role: str, password: str, database: str) -> str:
        secret = quote(password, safe="")
        return f"postgresql+asyncpg://{role}:{secret}@127.0.0.1:{self.port}/{database}"

    def _program(self, port: int) -> Program:
        settings = {
            "port": str(port),
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
            "max_connections": str(_MAX_CONNECTIONS),
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        options = [part for key, value in settings.items() for part in ("-c", f"{key}={value}")]
        return Program(
            argv=(str(self._binaries / "postgres"), "-D", str(self._data), *options),
            environment=self._environment,
            folder=self._place.folder,
            log=self._logs / "postgres.log",
            record=self._logs / "process.json",
            stop_signal=signal.SIGINT,  # "fast shutdown": open sessions are rolled back
            stop_seconds=30.0,
            account=self._place.account,
        )

    async def _claim(self) -> None:
        await super()._claim()
        self._process = ChildProcess(self._program(self.port))

    async def _prepare(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        # Made under another name first: an interrupted initdb leaves nothing that looks complete.
        draft = self._place.folder / "data.new"
        shutil.rmtree(draft, ignore_errors=True)
        account = self._place.account
        password_file = self._place.folder / "initdb-password"
        write_private(password_file, self._password + "\n")
        try:
            if account:
                os.chown(password_file, account.uid, account.gid)
            await self._initdb(draft, password_file)
        finally:
            password_file.unlink()
        draft.rename(self._data)

    async def _initdb(self, draft: Path, password_file: Path) -> None:
        account = self._place.account
        with self._initdb_log.open("wb") as log:
            child = await asyncio.create_subprocess_exec(
                str(self._binaries / "initdb"),
                f"--pgdata={draft}",
                f"--username={SUPERUSER}",
                f"--pwfile={password_file}",
                "--auth=scram-sha-256",
                "--encoding=UTF8",
                f"--locale={'en_US.UTF-8' if sys.platform == 'darwin' else 'C.UTF-8'}",
                cwd=self._place.folder,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                user=account.uid if account else None,
                group=account.gid if account else None,
                extra_groups=[] if account else None,
            )
            try:
                code = await child.wait()
            except asyncio.CancelledError:
                child.terminate()
                await child.wait()
                raise
        if code != 0:
            raise ServerStartError(
                f"PostgreSQL's initdb failed: {find_reason(self._initdb_log)} "
                f"(its log is {self._initdb_log})."
            )

    async def _connect(self) -> asyncpg.Connection:
        return await asyncpg.connect(
            host="127.0.0.1",
            port=self.port,
            user=SUPERUSER,
            password=self._password,
            database="postgres",
            ssl=False,
        )

    async def _probe(self) -> None:
        try:
            connection = await self._connect()
        except _NOT_READY as error:
            raise NotReadyError(str(error)) from error
        except asyncpg.InvalidPasswordError as error:
            raise ServerStartError(
                f"PostgreSQL in {self._place.folder} does not take the password kept for it; "
                "run `make clean` to begin with new data."
            ) from error
        await connection.close()


async def _ensure_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    exists = await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role)
    verb = "ALTER" if exists else "CREATE"
    # Utility statements take no parameters: format() quotes identifier and literal.
    statement = await connection.fetchval(
        f"SELECT format('{verb} ROLE %I LOGIN PASSWORD %L', $1::text, $2::text)", role, password
    )
    await connection.execute(statement)


async def _ensure_database(connection: asyncpg.Connection, name: str, owner: str) -> None:
    if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name):
        await connection.execute(f'CREATE DATABASE "{name}" OWNER "{owner}"')
    await connection.execute(f'REVOKE ALL ON DATABASE "{name}" FROM PUBLIC')
