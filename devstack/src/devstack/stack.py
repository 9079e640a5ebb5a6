"""The whole system on this machine: servers, sandbox, and our six processes."""

import asyncio
import sys
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Final

from devstack.addresses import DEFAULT_PORTS, SERVICES, Addresses, StackSecrets
from devstack.environments import environment_of, inherited_environment
from devstack.errors import DevstackError
from devstack.home import Home
from devstack.ports import is_free
from devstack.servers import Servers
from devstack.service_process import ProcessPlan, ServiceProcess
from servicekit.http_client import AsyncClient, create_http_client
from servicekit.tasks import end_task

_MODULES: Final = {
    "api-gateway": "api_gateway.main",
    "relay": "api_gateway.relay",
    "user-service": "user_service.main",
    "template-service": "template_service.main",
    "email-service": "email_service.main",
    "push-service": "push_service.main",
}
_FOLDERS: Final = {"relay": "api-gateway"}
_DATABASES: Final = {
    "user-service": "users",
    "template-service": "templates",
    "api-gateway": "notifications",
}
_READY_CLIENT_SECONDS: Final = 3.0
_WATCH_SECONDS: Final = 0.5


class Stack:
    """Everything that runs for `make run`, and for the tests of the whole system.

    Args:
        home: Where data, logs and secrets are kept.
        checkout: The repository's folder.
        port_offset: Added to the default ports; None: free ports are chosen, and kept.
        overrides: Settings by service that a test wants otherwise.
        say: Is told what takes long.
    """

    servers: Servers
    secrets: StackSecrets
    addresses: Addresses
    sandbox: ServiceProcess
    services: dict[str, ServiceProcess]

    def __init__(
        self,
        home: Path,
        checkout: Path,
        *,
        port_offset: int | None = None,
        overrides: Mapping[str, Mapping[str, str]] | None = None,
        say: Callable[[str], None],
    ) -> None:
        self.home = home.resolve()
        self._checkout = checkout.resolve()
        self._port_offset = port_offset
        self._overrides = dict(overrides or {})
        self._say = say
        self.services = {}
        self._watching: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start everything, and return when all of it is ready.

        Raises:
            DevstackError: Something could not be started; nothing is left running.
        """
        try:
            await self._start()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Stop everything that was started, in the opposite order."""
        await end_task(self._watching)
        await asyncio.gather(*(process.stop() for process in self.services.values()))
        self.services = {}
        if hasattr(self, "sandbox"):
            await self.sandbox.stop()
        if hasattr(self, "servers"):
            await self.servers.stop()

    def watch(self, *, servers: bool = False) -> None:
        """Restart processes of ours that die, from now on; and PostgreSQL, Redis and RabbitMQ."""
        for process in (self.sandbox, *self.services.values()):
            process.watch()
        if servers:
            self._watching = asyncio.create_task(self._watch_servers(), name="watch-servers")

    async def add_replica(self, service: str) -> ServiceProcess:
        """Start one more process of a service beside those that run, on a port of its own.

        It is found in `services` by the name that it is given here: `email-service-2`.
        """
        names = (f"{service}-{number}" for number in count(2))
        name = next(name for name in names if name not in self.services)
        self.addresses.ports[name] = self.servers.ports.take(f"stack-{name}")
        self.services[name] = ServiceProcess(self._plan(service, name), self._say)
        await self.services[name].start()
        return self.services[name]

    async def ready(self, names: Iterable[str] | None = None) -> None:
        """Wait until these processes, or all, answer that they are ready."""
        async with self.client() as client:
            for name in self.services if names is None else names:
                await self.services[name].ready(client)

    def client(self) -> AsyncClient:
        """An HTTP client for addresses on this machine."""
        return create_http_client(timeout_seconds=_READY_CLIENT_SECONDS)

    async def _start(self) -> None:
        if self._port_offset is not None:
            # Before anything takes time, and the home first: with a second stack in it, other ports
            # would not help.
            home = Home(self.home)
            home.lock()
            home.unlock()
            _refuse_occupied(self._fixed_ports())
        self._say("Starting PostgreSQL, Redis and RabbitMQ …")
        topology = self._checkout / "rabbitmq-config"
        self.servers = Servers(
            self.home, topology / "definitions.json", topology / "rabbitmq.conf", self._say
        )
        await self.servers.start()
        self.secrets = StackSecrets.kept_in(self.home / "secrets")
        self.addresses = await self._prepare_addresses()
        await self._start_sandbox()
        self._say("Migrating the databases …")
        await asyncio.gather(*(self._migrate(service) for service in _DATABASES))
        self._say("Starting the services …")
        for name in SERVICES:
            self.services[name] = ServiceProcess(self._plan(name, name), self._say)
            await self.services[name].start()
        await self.ready()

    async def _watch_servers(self) -> None:
        servers = (self.servers.postgres, self.servers.redis, self.servers.rabbitmq)
        while True:
            await asyncio.sleep(_WATCH_SECONDS)
            for server in servers:
                if server.pid is None:
                    self._say(f"{server.name} {server.describe_end()}; starting it again.")
                    try:
                        await server.start()
                    except DevstackError as error:
                        self._say(str(error))

    def _fixed_ports(self) -> dict[str, int]:
        assert self._port_offset is not None
        return {name: port + self._port_offset for name, port in DEFAULT_PORTS.items()}

    async def _prepare_addresses(self) -> Addresses:
        if self._port_offset is None:
            book = self.servers.ports
            ports = {name: book.take(f"stack-{name}") for name in DEFAULT_PORTS}
        else:
            ports = self._fixed_ports()
        passwords = self.secrets.database_passwords
        urls = {
            name: await self.servers.create_database(name, name, passwords[name])
            for name in ("users", "templates", "notifications")
        }
        sandbox = self.home / "sandbox"
        return Addresses(
            ports=ports,
            amqp_url=self.servers.amqp_url,
            redis_url=self.servers.redis_url,
            users_database_url=urls["users"],
            templates_database_url=urls["templates"],
            notifications_database_url=urls["notifications"],
            service_account_file=sandbox / "service-account.json",
            fcm_ca_file=sandbox / "ca.pem",
        )

    async def _start_sandbox(self) -> None:
        ports = self.addresses.ports
        environment = {
            **inherited_environment(),
            "SANDBOX_HTTP_PORT": str(ports["inbox"]),
            "SANDBOX_HTTPS_PORT": str(ports["fcm"]),
            "SANDBOX_SMTP_PORT": str(ports["smtp"]),
            "SANDBOX_SMTP_B_PORT": str(ports["smtp-b"]),
            "SANDBOX_DATA": str(self.home / "sandbox"),
        }
        self.sandbox = ServiceProcess(
            ProcessPlan(
                name="sandbox",
                argv=(sys.executable, "-m", "devstack.sandbox"),
                environment=environment,
                folder=self.home,
                home=self.home,
                ready_url=f"{self.addresses.url('inbox')}/health/live",
            ),
            self._say,
        )
        await self.sandbox.start()
        async with self.client() as client:
            await self.sandbox.ready(client)

    async def _migrate(self, service: str) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "alembic", "upgrade", "head"),
            cwd=self._checkout / service,
            env={**inherited_environment(), **self._environment(service)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        if process.returncode:
            lines = output.decode(errors="replace").strip().splitlines() or ["it printed nothing"]
            raise DevstackError(f"The database of {service} could not be migrated: {lines[-1]}")

    def _plan(self, service: str, name: str) -> ProcessPlan:
        return ProcessPlan(
            name=name,
            argv=(sys.executable, "-m", _MODULES[service]),
            environment={
                **inherited_environment(),
                **self._environment(service),
                "PORT": str(self.addresses.ports[name]),
            },
            folder=self._checkout / _FOLDERS.get(service, service),
            home=self.home,
            ready_url=f"{self.addresses.url(name)}/health/ready",
        )

    def _environment(self, service: str) -> dict[str, str]:
        return environment_of(service, self.addresses, self.secrets, self._overrides.get(service))


def _refuse_occupied(ports: Mapping[str, int]) -> None:
    for name, port in ports.items():
        if not is_free(port):
            raise DevstackError(
                f"Port {port}, which {name} needs, is in use. Stop what listens there, or choose "
                "other ports: make run PORT_OFFSET=100."
            )
