"""The whole system with its faults: several workers, a broker behind a proxy, and the scoring."""

import asyncio
import random
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import aio_pika
from tests.faults.checker import (
    NO_DUPLICATES,
    Allowance,
    Evidence,
    Score,
    score,
)
from tests.faults.load import Load, LoadPlan, create_users, users_needed
from tests.faults.processes import figure_in, restart, through
from tests.faults.provider_log import ProviderLog
from tests.faults.results import Result, Results

from contracts.names import FAILED_QUEUE, LANES, OUTCOMES_QUEUE, RETRY_QUEUES
from devstack.fault_proxy import PASSING, FaultProxy
from devstack.queues import messages_in, queues_are_empty
from devstack.service_process import ServiceProcess
from devstack.stack import Stack
from devstack.system_client import SystemClient

CONCURRENCY = 16
"""Sends under way at once in one worker; what a crash of it can repeat."""
ATTEMPT_SECONDS = 4.0
LEASE_SECONDS = 2.0 + ATTEMPT_SECONDS + 1.0
"""Two seconds for the template, the attempt, and the margin of the settings below."""
BREAKER_OPEN_SECONDS = 5.0

WORKER_SETTINGS = {
    "CONCURRENCY": str(CONCURRENCY),
    "ATTEMPT_SECONDS": str(ATTEMPT_SECONDS),
    "LEASE_MARGIN_SECONDS": "1",
    "RETRY_BACKOFF_SECONDS": "1",
    "BREAKER_OPEN_SECONDS": str(BREAKER_OPEN_SECONDS),
    "BREAKER_RAMP_SECONDS": "5",
}
_UNFINISHED = frozenset({"pending", "scheduled"})
_FINAL_AFTER_SECONDS = 2.0
_QUIET_CHECKS = 3
_BUSY_SECONDS = 20.0
_READERS = 16

Fault = Callable[[Load], Awaitable[None]]


class Bench:
    """Runs scenarios on a stack that is up.

    Args:
        stack: Watched; its servers are started again here where a scenario ends them.
        system: A client of it.
        broker: What stands between our processes and RabbitMQ.
        results: The table.
        seed: Of everything random.
        is_full: Whether the long form of each scenario is wanted.
    """

    def __init__(
        self,
        stack: Stack,
        system: SystemClient,
        broker: FaultProxy,
        results: Results,
        *,
        seed: int,
        is_full: bool,
    ) -> None:
        self.stack = stack
        self.system = system
        self.broker = broker
        self.is_full = is_full
        self.results = results
        self.log = ProviderLog(system)
        self._seed = seed
        self._runs = 0

    @property
    def workers(self) -> list[ServiceProcess]:
        """All email workers."""
        names = [name for name in self.stack.services if name.startswith("email-service")]
        return [self.stack.services[name] for name in names]

    def rng(self, name: str) -> random.Random:
        """Chance of its own for each use, the same in each run with this seed."""
        return random.Random(f"{self._seed}-{name}")

    def take(self, full: int, quick: int) -> int:
        """One of two sizes, for the long form and the short one."""
        return full if self.is_full else quick

    async def run(
        self,
        scenario: str,
        plan: LoadPlan,
        fault: Fault,
        *,
        allow: Allowance | Callable[[], Awaitable[Allowance]] = NO_DUPLICATES,
        drain_seconds: float = 60.0,
        users: list[dict[str, str]] | None = None,
        least_accepted: float = 0.95,
        sabotaged: bool = False,
    ) -> Score:
        """Load, fault, heal, drain, score; the row goes into the table.

        Args:
            scenario: Its name in the table.
            plan: What is asked for meanwhile.
            fault: Runs beside the load, from its first request on; it need not heal anything.
            allow: The duplicates that the promise allows; asked for after the drain.
            drain_seconds: How long it may take after healing until all is final.
            users: The recipients, where they are special ones.
            least_accepted: So many of all requests have to be answered 202, or too little is
                scored; only where accepting itself is broken it may be less.
            sabotaged: A broken engine runs it.
        """
        started = time.monotonic()
        load = self.new_load(scenario)
        if users is None:
            users = await create_users(self.system, load.name, users_needed(plan))
        since = await self.log.position()
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(load.run(plan, users))
                group.create_task(_awaited(fault(load)))
        finally:
            await self.heal()
        assert len(load.accepted) >= plan.count * least_accepted, (
            f"only {len(load.accepted)} of {plan.count} requests were accepted"
        )
        states = await self.drain(load.accepted.values(), drain_seconds)
        evidence = Evidence(load.requests(states), await self.log.lines_since(since))
        if sabotaged:
            self.log.ignore(load.name)
        allowance = allow if isinstance(allow, Allowance) else await allow()
        result = score(evidence, allowance)
        self.results.add(Result(scenario, time.monotonic() - started, result, sabotaged))
        return result

    def new_name(self) -> str:
        """A name that nothing else here has, in this session or an earlier one."""
        self._runs += 1
        return f"{int(time.time())}-{self._runs}"

    def new_load(self, scenario: str) -> Load:
        """A load with a name of its own, which begins with the scenario's."""
        name = re.sub("[^a-z0-9]+", "-", scenario.lower())[:40]
        return Load(self.system, f"{name}-{self.new_name()}", self.rng(scenario))

    def change(
        self,
        process: ServiceProcess,
        environment: Mapping[str, str] | None = None,
        argv: tuple[str, ...] | None = None,
    ) -> None:
        """Run a process otherwise from its next start on; the broker stays behind the proxy.

        Without arguments it is again what it was.
        """
        broker = {"AMQP_URL": through(self.stack.addresses.amqp_url, self.broker)}
        process.change({**broker, **(environment or {})}, argv)

    async def route_broker(self) -> None:
        """From now on everything of ours reaches RabbitMQ through the proxy."""
        clients = [
            process
            for name, process in self.stack.services.items()
            if name.startswith(("api-gateway", "relay", "email-service"))
        ]
        for process in clients:
            self.change(process)
        await restart(clients, self.stack)

    async def purge(self) -> None:
        """Throw away what a broken engine left in the broker."""
        connection = await aio_pika.connect(self.stack.addresses.amqp_url)
        async with connection:
            channel = await connection.channel()
            for name in (*LANES, *RETRY_QUEUES, OUTCOMES_QUEUE):
                await (await channel.get_queue(name)).purge()

    async def heal(self) -> None:
        """Everything runs, nothing is in the way, and nothing fails on command."""
        self.broker.change(PASSING)
        for target in ("smtp", "smtp-b"):
            await self.system.set_failures(target, [])
        servers = self.stack.servers
        for server in (servers.postgres, servers.redis, servers.rabbitmq):
            server.thaw()
            await server.start()
        for process in self.stack.services.values():
            process.thaw()
        await self.stack.ready()

    async def drain(self, ids: Iterable[str], seconds: float) -> dict[str, dict[str, Any]]:
        """Wait until all are final and nothing is on its way; what is not final then is scored so.

        Returns:
            What the system says of each notification.
        """
        deadline = time.monotonic() + seconds
        waiting = list(ids)
        states: dict[str, dict[str, Any]] = {}
        while True:
            states |= await self._read(waiting)
            waiting = [item for item in waiting if states[item]["status"] in _UNFINISHED]
            if not waiting:
                break
            if time.monotonic() > deadline:
                return states
            await asyncio.sleep(0.5)
        for _ in range(_QUIET_CHECKS):  # what goes round a tier is in no queue for a moment
            await queues_are_empty(
                self.stack.addresses.amqp_url,
                (*LANES, *RETRY_QUEUES, OUTCOMES_QUEUE),
                seconds=max(10.0, deadline - time.monotonic()),
            )
            await asyncio.sleep(_FINAL_AFTER_SECONDS / _QUIET_CHECKS)
        return states | await self._read(list(states))

    async def dead_letters(self) -> int:
        """How many there are: those that the gateway keeps, and those on their way to it."""
        answer = await self.system.request(
            "GET", f"{self.system.urls.gateway}/api/v1/admin/dead-letters?limit=1"
        )
        assert answer.status_code == 200, answer.text
        kept = int(answer.json()["meta"]["total"])
        return kept + await messages_in(self.stack.addresses.amqp_url, FAILED_QUEUE)

    async def attempts_of(self, ids: Iterable[str]) -> list[int]:
        """How many attempts the system says that each notification took."""
        notifications = await self._read(list(ids))
        return [item["deliveries"][0]["attempts"] for item in notifications.values()]

    async def metric(self, name: str) -> float:
        """The sum of a figure over all email workers and all its labels."""
        return sum([await self._metric_of(worker, name) for worker in self.workers])

    async def busy(self, worker: ServiceProcess, sends: int = 1) -> None:
        """Wait until a worker has so many deliveries under way, to be broken in the middle of."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while await self._metric_of(worker, "deliveries_in_flight") < sends:
            assert time.monotonic() < deadline, f"{worker.name} does not get anything to send"
            await asyncio.sleep(0.02)

    async def _metric_of(self, worker: ServiceProcess, name: str) -> float:
        url = f"{self.stack.addresses.url(worker.name)}/metrics"
        return figure_in((await self.system.http.get(url)).text, name)

    async def _read(self, ids: list[str]) -> dict[str, dict[str, Any]]:
        limit = asyncio.Semaphore(_READERS)

        async def read(item: str) -> dict[str, Any]:
            async with limit:
                return await self.system.notification(item)

        return dict(zip(ids, await asyncio.gather(*map(read, ids)), strict=True))


async def _awaited(fault: Awaitable[None]) -> None:
    await fault
