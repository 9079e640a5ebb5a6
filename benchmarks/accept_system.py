"""The whole system for the benchmarks of accepting, and the naive endpoint that is their limit."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import asyncpg

from benchmarks.email_system import CHECKOUT
from benchmarks.errors import BenchmarkError
from benchmarks.lane import Lane
from benchmarks.wrk import Clients
from devstack.addresses import ADMIN_EMAIL
from devstack.environments import inherited_environment
from devstack.service_process import ProcessPlan, ServiceProcess
from devstack.stack import Stack
from devstack.system_client import SystemClient
from devstack.tour import create_demo_templates

_USERS: Final = 500
_CALL_SECONDS: Final = 10.0
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class AcceptSystem:
    """A running stack without workers, with two gateway processes.

    Args:
        stack: Ready.
        clients: With an API key, and the file that names the users.
    """

    def __init__(self, stack: Stack, clients: Clients) -> None:
        self.stack = stack
        self.clients = clients
        self.lane = Lane(stack.addresses.amqp_url, "unused", "unused")

    @property
    def amqp_url(self) -> str:
        """The broker's address."""
        return self.stack.addresses.amqp_url

    def gateways(self, count: int) -> list[str]:
        """Addresses of so many gateway processes, of which there are two."""
        return [
            f"{self.stack.addresses.url(process.name)}/api/v1/notifications"
            for process in self._processes(count)
        ]

    def cpu_seconds(self, count: int) -> float:
        """Processor time that so many gateway processes have used up to now."""
        return sum(_cpu_seconds(_pid(process)) for process in self._processes(count))

    def gateway_pid(self) -> int:
        """The first gateway's process."""
        return _pid(self._processes(1)[0])

    async def commits(self) -> int:
        """Transactions that the gateway's database has committed up to now."""
        # Figures of a session reach the shared ones when it is idle, at the latest after a second.
        await asyncio.sleep(1.5)
        url = self.stack.addresses.notifications_database_url
        connection = await asyncpg.connect(url.replace("postgresql+asyncpg", "postgresql"))
        try:
            committed: int = await connection.fetchval(
                "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()"
            )
        finally:
            await connection.close()
        return committed

    async def raw_publish(self, at_once: int) -> float:
        """Messages a second that aio-pika alone publishes with confirms, so many at a time."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "benchmarks.raw_publish"),
            *("--amqp-url", self.amqp_url, "--at-once", str(at_once)),
            cwd=CHECKOUT,
            env=inherited_environment(),
            stdout=asyncio.subprocess.PIPE,
        )
        output = (await process.communicate())[0].decode()
        await self.lane.empty()
        if process.returncode:
            raise BenchmarkError(f"raw publishing ended with {process.returncode}: {output}")
        return float(output)

    @contextlib.asynccontextmanager
    async def naive(self, count: int, *, publishes: bool = True) -> AsyncIterator[list[str]]:
        """So many processes of the naive endpoint; yields their addresses."""
        processes, urls = [], []
        for number in range(count):
            name = f"naive-{number + 1}"
            port = self.stack.servers.ports.take(name)
            options = ("--amqp-url", self.amqp_url) if publishes else ()
            processes.append(
                ServiceProcess(
                    ProcessPlan(
                        name=name,
                        argv=(
                            *(sys.executable, "-m", "benchmarks.naive_gateway"),
                            *("--port", str(port), *options),
                        ),
                        environment=inherited_environment(),
                        folder=CHECKOUT,
                        home=self.stack.home,
                        ready_url=f"http://127.0.0.1:{port}/docs",
                    ),
                    _say,
                )
            )
            urls.append(f"http://127.0.0.1:{port}/api/v1/notifications")
        try:
            for process in processes:
                await process.start()
            async with self.stack.client() as http:
                for process in processes:
                    await process.ready(http)
            yield urls
        finally:
            for process in processes:
                await process.stop()

    def _processes(self, count: int) -> list[ServiceProcess]:
        names = ("api-gateway", "api-gateway-2")[:count]
        return [self.stack.services[name] for name in names]


@contextlib.asynccontextmanager
async def running_accept_system(home: Path) -> AsyncIterator[AcceptSystem]:
    """A system of its own in this folder; all ends with it."""
    stack = Stack(
        home,
        CHECKOUT,
        # Two gateways and the relay share the server with the pools of the other services.
        # The one caller stands for many, none of whom would fill a window of its own.
        overrides={
            "api-gateway": {"LOG_LEVEL": "WARNING", "CALLER_WINDOW": "0"},
            "relay": {"LOG_LEVEL": "WARNING"},
        },
        say=_say,
    )
    await stack.start()
    try:
        for name in ("email-service", "push-service"):
            await stack.services[name].stop()
        await stack.add_replica("api-gateway")
        await stack.ready(["api-gateway-2"])
        async with stack.client() as http:
            http.timeout = _CALL_SECONDS
            client = SystemClient(http, stack.addresses.system_urls)
            await client.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "benchmark")
            await create_demo_templates(client, CHECKOUT)
            users = home / "users.txt"
            users.write_text("\n".join(await _create_users(client)) + "\n")
        yield AcceptSystem(stack, Clients(client.api_key, users))
    finally:
        await stack.stop()


async def _create_users(client: SystemClient) -> list[str]:
    limit = asyncio.Semaphore(8)

    async def create(number: int) -> str:
        async with limit:
            user: dict[str, Any] = await client.create_user(
                name=f"Recipient {number}",
                email=f"recipient.{uuid4().hex[:12]}@example.com",
                preferences={"email": True, "push": True},
            )
        return str(user["user_id"])

    return list(await asyncio.gather(*(create(number) for number in range(_USERS))))


def _pid(process: ServiceProcess) -> int:
    if process.pid is None:
        raise BenchmarkError(f"{process.name} ended; its log is {process.log}.")
    return process.pid


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
