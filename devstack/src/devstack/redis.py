"""The private Redis: append-only file, nothing evicted, a generated password."""

import os
import signal
from pathlib import Path

import redis.asyncio
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

from devstack.passwords import keep_password, write_private
from devstack.ports import PortBook
from devstack.private_server import NotReadyError, PrivateServer
from devstack.processes import ChildProcess, Program


def render_redis_conf(folder: Path, port: int, password: str) -> str:
    """Return the server's configuration; snapshots are off because the append-only file has all."""
    return "\n".join(
        [
            "bind 127.0.0.1",
            f"port {port}",
            f"requirepass {password}",
            f"dir {_quote(str(folder))}",
            "daemonize no",
            "appendonly yes",
            "appendfsync everysec",
            'save ""',
            "maxmemory-policy noeviction",
            "",
        ]
    )


def _quote(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


class Redis(PrivateServer):
    """One Redis server with its data in `folder`/data."""

    name = "Redis"
    start_seconds = 60.0
    poll_seconds = 0.05

    def __init__(self, binary: Path, folder: Path, ports: PortBook) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._configuration = folder / "redis.conf"
        self._password = keep_password(folder / "password")
        program = Program(
            argv=(str(binary), str(self._configuration)),
            environment={"PATH": os.defpath, "LANG": "C.UTF-8"},
            folder=folder,
            log=folder / "redis.log",
            record=folder / "process.json",
            stop_signal=signal.SIGTERM,
            stop_seconds=15.0,
        )
        super().__init__(ChildProcess(program), ports)

    @property
    def url(self) -> str:
        """The address of database 0, with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    async def _prepare(self) -> None:
        data = self._folder / "data"
        data.mkdir(mode=0o700, exist_ok=True)
        write_private(self._configuration, render_redis_conf(data, self.port, self._password))

    async def _probe(self) -> None:
        async with redis.asyncio.from_url(self.url, retry=Retry(NoBackoff(), 0)) as client:
            try:
                await client.ping()
            except (RedisConnectionError, RedisTimeoutError) as error:
                raise NotReadyError(str(error)) from error
