"""PostgreSQL, Redis and RabbitMQ of our own, composed: started together, stopped together.

As a command it runs another one with the servers up:
`python -m devstack.servers --home .devstack/test -- pytest …`.
"""

import asyncio
import random
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

from devstack.binaries import Binaries
from devstack.errors import DevstackError, MissingProgramError
from devstack.home import Home
from devstack.installation import ensure_installed
from devstack.ports import PortBook
from devstack.postgres import Postgres
from devstack.postgres_home import prune_orphans, remove_outside_folder
from devstack.private_server import PrivateServer
from devstack.processes import end_leftover
from devstack.rabbitmq import RabbitMQ
from devstack.redis import Redis


class Servers:
    """The three private servers of one home folder.

    `definitions` is the shared RabbitMQ topology, `rabbitmq_conf` the shared rabbitmq.conf. The
    servers, `ports` and addresses exist from `start` on; start it on the main thread. `say` is told
    what takes long, such as an installation.
    """

    postgres: Postgres
    redis: Redis
    rabbitmq: RabbitMQ
    ports: PortBook

    def __init__(
        self,
        home: Path,
        definitions: Path,
        rabbitmq_conf: Path | None = None,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self._home = Home(home)
        self._definitions = definitions.resolve()
        self._rabbitmq_conf = rabbitmq_conf
        self._say = say or _print
        self._running: tuple[PrivateServer, ...] = ()

    async def start(self) -> "Servers":
        """Install what is missing, start the three at once, and return when all serve clients.

        Raises DevstackError, with nothing left running, when one of them does not come up.
        """
        self._home.lock()
        try:
            log = self._home.path / "install.log"
            self._build(await asyncio.to_thread(ensure_installed, log, self._say))
            async with asyncio.TaskGroup() as group:
                for server in self._running:
                    group.create_task(server.start())
        except BaseExceptionGroup as failures:
            await self.stop()
            ours = failures.subgroup(DevstackError)
            raise (_first(ours) if ours else failures) from None
        except BaseException:
            await self.stop()
            raise
        return self

    async def stop(self) -> None:
        """Stop all three, whichever of them run; their data stay."""
        await asyncio.gather(*(server.stop() for server in self._running))
        self._home.unlock()

    @property
    def home(self) -> Path:
        """The folder that holds everything."""
        return self._home.path

    @property
    def redis_url(self) -> str:
        """`redis://:password@127.0.0.1:port/0`."""
        return self.redis.url

    @property
    def amqp_url(self) -> str:
        """`amqp://notifications:password@127.0.0.1:port/%2F`."""
        return self.rabbitmq.url

    @property
    def admin_postgres_url(self) -> str:
        """The superuser's `postgresql+asyncpg://…/postgres`."""
        return self.postgres.url()

    async def create_database(self, name: str, role: str, password: str) -> str:
        """Create role and database where they are missing; returns the role's address."""
        return await self.postgres.create_database(name, role, password)

    def _build(self, binaries: Binaries) -> None:
        if not (binaries.postgres and binaries.redis and binaries.rabbitmq and binaries.epmd):
            raise MissingProgramError(f"Install {', '.join(binaries.missing)} and start again.")
        prune_orphans()
        home = self._home.path
        self.ports = PortBook(home / "ports.json", random.SystemRandom())
        self.postgres = Postgres(binaries.postgres, home, self.ports)
        self.redis = Redis(binaries.redis, home / "redis", self.ports)
        self.rabbitmq = RabbitMQ(
            binaries.rabbitmq,
            binaries.epmd,
            home / "rabbitmq",
            self.ports,
            self._definitions,
            self._rabbitmq_conf,
        )
        self._running = (self.rabbitmq, self.postgres, self.redis)


async def clean(home: Path) -> None:
    """Remove `home` with all data, if it exists, after ending what a killed run left alive there.

    Raises HomeInUseError while a devstack runs on it.
    """
    owned = Home(home)
    owned.lock()
    for record in owned.path.rglob("*process.json"):
        await end_leftover(record)
    remove_outside_folder(owned.path)
    shutil.rmtree(owned.path)
    owned.unlock()


def _print(sentence: str) -> None:
    print(sentence, flush=True)


def _first(group: BaseExceptionGroup[DevstackError]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


if __name__ == "__main__":
    from devstack.run_with_servers import main

    sys.exit(main(sys.argv[1:]))
