"""What a page costs whom a large history belongs to, beside the same with a small one.

    python -m benchmarks.read_history

Two gateways with a database each are asked in turns, so that whatever else the machine does hits
both. Prints ratios, and ends with exit code 1 when one is missed.
"""

import argparse
import asyncio
import http.client
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import quantiles
from typing import Any, Final
from urllib.parse import urlencode, urlsplit
from uuid import UUID, uuid4

from benchmarks.email_system import CHECKOUT, make_home
from benchmarks.errors import BenchmarkError
from benchmarks.filled_history import SHARE, fill_history
from benchmarks.report import Bound, Figure, Report
from devstack.addresses import ADMIN_EMAIL
from devstack.environments import environment_of, inherited_environment
from devstack.errors import DevstackError
from devstack.service_process import ProcessPlan, ServiceProcess
from devstack.stack import Stack
from devstack.system_client import SystemClient
from servicekit.logs import configure_logging
from servicekit.testing import migrate

_HOME: Final = Path(".devstack/bench-read-history")
_PATH: Final = "/api/v1/notifications"
_PASSWORD: Final = "correct horse battery"
_LIMIT: Final = 10
_DEEP: Final = 0.9
_RATIO: Final = 1.5
_FILL_SECONDS: Final = 120.0
_WARM_UP: Final = 50


@dataclass(frozen=True)
class Extent:
    """How much is stored, and how often it is read.

    Attributes:
        large: Notifications of the large history.
        small: Of the other.
        requests: Of each page to each of the two.
    """

    large: int
    small: int
    requests: int


FULL: Final = Extent(1_000_000, 10_000, 1_500)
QUICK: Final = Extent(200_000, 10_000, 300)


class Reader:
    """One who is signed in, on a connection that is kept.

    Args:
        url: Of a gateway.
        token: Theirs.
    """

    def __init__(self, url: str, token: str) -> None:
        address = urlsplit(url)
        assert address.hostname is not None
        self._connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
        self._headers = {"Authorization": f"Bearer {token}"}

    def page(self, **params: object) -> tuple[float, dict[str, Any]]:
        """Milliseconds until the whole answer is there, and the answer.

        Raises:
            BenchmarkError: It is no page.
        """
        begun = time.perf_counter()
        self._connection.request("GET", f"{_PATH}?{urlencode(params)}", headers=self._headers)
        answer = self._connection.getresponse()
        content = answer.read()
        taken = 1000 * (time.perf_counter() - begun)
        if answer.status != 200:
            raise BenchmarkError(f"A page was answered with {answer.status}: {content!r:.300}")
        body: dict[str, Any] = json.loads(content)
        return taken, body


def main(arguments: Sequence[str] | None = None) -> int:
    """Return 0 when each required figure is met, 1 when one is missed or cannot be measured."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.read_history", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a short run, less exact")
    parser.add_argument("--requests", type=int, help="of each page")
    parser.add_argument("--home", type=Path, default=_HOME, help="where the system's data are kept")
    options = parser.parse_args(arguments)
    extent = QUICK if options.quick else FULL
    extent = replace(extent, requests=options.requests or extent.requests)
    configure_logging("benchmark", "WARNING", sys.stderr)
    try:
        make_home(options.home)
        report = asyncio.run(_run(options.home, extent))
    except (BenchmarkError, DevstackError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"\n{report.table()}")
    return 0 if report.is_met else 1


async def _run(home: Path, extent: Extent) -> Report:
    report = Report()
    stack = Stack(home, CHECKOUT, overrides={"api-gateway": {"LOG_LEVEL": "WARNING"}}, say=_say)
    await stack.start()
    try:
        await measure_reading(stack, extent, report)
    finally:
        await stack.stop()
    return report


async def measure_reading(stack: Stack, extent: Extent, report: Report) -> None:
    """Fill the history of a running stack, and another one, and note what their pages cost.

    Args:
        stack: Ready; its gateway's database gets the large history.
        extent: How much.
        report: Where the figures go.
    """
    user_id, token = await _signed_in(stack)
    begun = time.monotonic()
    await fill_history(stack.addresses.notifications_database_url, user_id, extent.large)
    filled = time.monotonic() - begun
    report.add(
        Figure(
            f"filling {extent.large:,} notifications",
            filled,
            "s",
            Bound.AT_MOST,
            _FILL_SECONDS,
            decimals=0,
        )
    )
    # Deliveries and outcomes are none of this.
    for name in ("email-service", "push-service", "relay"):
        await stack.services[name].stop()
    small = await _gateway_of_its_own(stack, user_id, extent.small)
    try:
        readers = [
            Reader(stack.addresses.url("api-gateway"), token),
            Reader(small.url, token),
        ]
        await asyncio.to_thread(_compare, readers, extent, report)
    finally:
        await small.process.stop()


def _compare(readers: Sequence[Reader], extent: Extent, report: Report) -> None:
    owned = [extent.large // SHARE, extent.small // SHARE]
    first: list[dict[str, object]] = [{"limit": _LIMIT}] * 2
    deep: list[dict[str, object]] = []
    for reader, count in zip(readers, owned, strict=True):
        passed = int(count * _DEEP) // _LIMIT
        _, body = reader.page(limit=_LIMIT, page=passed)
        deep.append({"limit": _LIMIT, "cursor": body["meta"]["next_cursor"]})
    for name, asked in (("first page", first), ("page by a deep cursor", deep)):
        taken: list[list[float]] = [[], []]
        for number in range(extent.requests + _WARM_UP):
            for at, (reader, params) in enumerate(zip(readers, asked, strict=True)):
                milliseconds, body = reader.page(**params)
                if len(body["data"]) != _LIMIT:
                    raise BenchmarkError(f"A {name} holds {len(body['data'])} notifications.")
                if number >= _WARM_UP:
                    taken[at].append(milliseconds)
        large, small = (quantiles(times, n=20)[-1] for times in taken)
        report.add(
            Figure(f"{name}, p95, of {owned[1]:,} in {extent.small:,}", small, "ms"),
            Figure(f"{name}, p95, of {owned[0]:,} in {extent.large:,}", large, "ms"),
            Figure(f"{name}, p95 by that of the small", large / small, "", Bound.AT_MOST, _RATIO),
        )


@dataclass(frozen=True)
class _Gateway:
    url: str
    process: ServiceProcess


async def _gateway_of_its_own(stack: Stack, user_id: UUID, count: int) -> _Gateway:
    """Another gateway of the same stack, with a history of this size."""
    name, role = "small-history", "notifications"
    password = stack.secrets.database_passwords[role]
    database_url = await stack.servers.create_database("small_history", role, password)
    folder = CHECKOUT / "api-gateway"
    await migrate(folder, database_url)
    await fill_history(database_url, user_id, count)
    port = stack.servers.ports.take(name)
    overrides = {"DATABASE_URL": database_url, "PORT": str(port), "LOG_LEVEL": "WARNING"}
    url = f"http://127.0.0.1:{port}"
    process = ServiceProcess(
        ProcessPlan(
            name=name,
            argv=(sys.executable, "-m", "api_gateway.main"),
            environment={
                **inherited_environment(),
                **environment_of("api-gateway", stack.addresses, stack.secrets, overrides),
            },
            folder=folder,
            home=stack.home,
            ready_url=f"{url}/health/ready",
        ),
        _say,
    )
    await process.start()
    async with stack.client() as client:
        await process.ready(client)
    return _Gateway(url, process)


async def _signed_in(stack: Stack) -> tuple[UUID, str]:
    """A user's id and access token."""
    async with stack.client() as client:
        system = SystemClient(client, stack.addresses.system_urls)
        await system.create_api_key(ADMIN_EMAIL, stack.secrets.admin_password, "benchmark")
        email = f"reader.{uuid4().hex[:12]}@example.com"
        user = await system.create_user(name="Reader", email=email, password=_PASSWORD)
        answer = await client.post(
            f"{stack.addresses.url('user-service')}/api/v1/auth/login",
            json={"email": email, "password": _PASSWORD},
        )
        return UUID(user["user_id"]), str(answer.json()["data"]["access_token"])


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
