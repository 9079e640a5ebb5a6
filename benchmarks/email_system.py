"""The whole system for the email benchmarks: devstack's, with the email worker under our control.

Only the worker is exchanged: its mails go to a sink, and as many processes of it run as wanted.
"""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

from benchmarks.errors import BenchmarkError
from benchmarks.lane import Lane
from benchmarks.smtp_sink import SmtpSink
from devstack.addresses import ADMIN_EMAIL
from devstack.environments import environment_of, inherited_environment
from devstack.servers import clean
from devstack.service_process import ProcessPlan, ServiceProcess
from devstack.stack import Stack
from devstack.system_client import SystemClient
from devstack.tour import DEMO_TEMPLATE, create_demo_templates

CHECKOUT: Final = Path(__file__).parents[1]
_SERVICE: Final = "email-service"
_CATEGORY: Final = "welcome"
_DELIVERY_SECONDS: Final = 60.0
_CALL_SECONDS: Final = 10.0


class EmailSystem:
    """A running stack and what the benchmarks need of it.

    Args:
        stack: Ready.
        client: With an API key of all scopes.
    """

    def __init__(self, stack: Stack, client: SystemClient) -> None:
        self._stack = stack
        self.client = client
        self.lane = Lane(stack.addresses.amqp_url, DEMO_TEMPLATE, _CATEGORY)

    @property
    def home(self) -> Path:
        """Where files of a run are kept."""
        return self._stack.home

    async def typical_mail(self) -> bytes:
        """One mail of the demo template, as the system sends it."""
        address = f"grace.{uuid4().hex[:12]}@example.com"
        user = await self.create_user(address)
        notification_id = await self.client.send(welcome(user, 0))
        await self.client.finished(notification_id, _DELIVERY_SECONDS)
        mails = await self.client.mails_to(address)
        return await self.client.mail_source(mails[0]["ID"])

    async def create_user(self, address: str) -> str:
        """A new user who takes emails; returns the id."""
        user = await self.client.create_user(
            name="Grace Hopper", email=address, preferences={"email": True, "push": True}
        )
        user_id: str = user["user_id"]
        return user_id

    async def stop_services(self, *names: str) -> None:
        """Stop processes that would take part, or take time, in what is measured."""
        for name in names:
            await self._stack.services[name].stop()

    @contextlib.asynccontextmanager
    async def sink(self, *, mails: Path | None = None) -> AsyncIterator[SmtpSink]:
        """A sink that nobody has sent to."""
        sink = SmtpSink(self.home, self._stack.servers.ports.take("smtp-sink"), mails=mails)
        await sink.start()
        try:
            yield sink
        finally:
            await sink.stop()

    @contextlib.asynccontextmanager
    async def workers(
        self, sink: SmtpSink, count: int = 1, settings: Mapping[str, str] | None = None
    ) -> AsyncIterator[list[int]]:
        """So many email workers that send to a sink; yields their process ids."""
        processes = [self._worker(number, sink, settings or {}) for number in range(count)]
        try:
            for process in processes:
                await process.start()
            async with self._stack.client() as http:
                for process in processes:
                    await process.ready(http)
            yield [_pid(process) for process in processes]
        finally:
            for process in processes:
                await process.stop()

    def _worker(self, number: int, sink: SmtpSink, settings: Mapping[str, str]) -> ServiceProcess:
        stack, name = self._stack, f"{_SERVICE}-{number + 1}"
        port = stack.servers.ports.take(name)
        overrides = {"PORT": str(port), "SMTP_PORT": str(sink.port), **settings}
        return ServiceProcess(
            ProcessPlan(
                name=name,
                argv=(sys.executable, "-m", "email_service.main"),
                environment={
                    **inherited_environment(),
                    **environment_of(_SERVICE, stack.addresses, stack.secrets, overrides),
                },
                folder=CHECKOUT / _SERVICE,
                home=stack.home,
                ready_url=f"http://127.0.0.1:{port}/health/ready",
            ),
            _say,
        )


def make_home(home: Path) -> None:
    """An empty folder; queues and tables that an earlier run left there are removed.

    Raises:
        BenchmarkError: The folder holds something else.
    """
    if home.exists():
        if not (home / "lock").exists():
            raise BenchmarkError(f"{home} is no folder of an earlier run; name another --home.")
        asyncio.run(clean(home))
    home.mkdir(parents=True, mode=0o700)


@contextlib.asynccontextmanager
async def running_email_system(home: Path) -> AsyncIterator[EmailSystem]:
    """A system of its own in this folder, ready, with the demo templates; all ends with it."""
    stack = Stack(home, CHECKOUT, say=_say)
    await stack.start()
    try:
        async with stack.client() as http:
            http.timeout = _CALL_SECONDS
            client = SystemClient(http, stack.addresses.system_urls)
            await client.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "benchmark")
            await create_demo_templates(client, CHECKOUT)
            yield EmailSystem(stack, client)
    finally:
        await stack.stop()


def welcome(user_id: str, number: int) -> dict[str, Any]:
    """The body of a request for the demo mail."""
    return {
        "notification_type": "email",
        "user_id": user_id,
        "template_code": DEMO_TEMPLATE,
        "variables": {"name": f"Recipient {number}", "link": f"https://example.com/{number}"},
        "request_id": uuid4().hex,
    }


def resident_megabytes(pid: int) -> float:
    """Memory of a process that is in RAM now."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _pid(process: ServiceProcess) -> int:
    pid = process.pid
    if pid is None:
        raise BenchmarkError(f"{process.name} ended; its log is {process.log}.")
    return pid


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)
