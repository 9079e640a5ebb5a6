"""A service that hangs, dies and comes back, as a process of its own: its callers do not wait."""

import asyncio
import signal
import statistics
import sys
import time
from collections.abc import AsyncIterator

import pytest

from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.local_breaker import SERVICE_RULES
from servicekit.metrics import Metrics
from servicekit.service_client import ServiceClient

TIMEOUT_SECONDS = 0.3
DEADLINE_SECONDS = 0.5
PROGRAM = """
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        body = b'{"data": 1}'
        self.send_response(int(self.path[1:]))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass

server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("ready", flush=True)
server.serve_forever()
"""


class Owner:
    """The process: `/<status>` answers with that status."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", PROGRAM, str(self.port)), stdout=asyncio.subprocess.PIPE
        )
        assert self._process.stdout is not None
        assert await self._process.stdout.readline() == b"ready\n"

    def hang(self) -> None:
        self._send(signal.SIGSTOP)

    def go_on(self) -> None:
        self._send(signal.SIGCONT)

    async def die(self) -> None:
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def _send(self, what: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(what)


@pytest.fixture
async def owner(unused_tcp_port: int) -> AsyncIterator[Owner]:
    owner = Owner(unused_tcp_port)
    await owner.start()
    yield owner
    await owner.die()


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def client(owner: Owner, metrics: Metrics) -> AsyncIterator[ServiceClient]:
    http = create_http_client(f"http://127.0.0.1:{owner.port}", timeout_seconds=TIMEOUT_SECONDS)
    async with http:
        yield ServiceClient("owner", http, deadline_seconds=DEADLINE_SECONDS, metrics=metrics)


async def is_answered(client: ServiceClient) -> bool:
    try:
        return await client.get("/200") == {"data": 1}
    except UnavailableError:
        return False


async def refusal(client: ServiceClient, path: str) -> str | None:
    try:
        await client.get(path)
    except UnavailableError as error:
        return error.message
    return None


async def fail(client: ServiceClient, *, path: str = "/200") -> None:
    """Call it until its breaker has opened."""
    for answer in await asyncio.gather(
        *(client.get(path) for _ in range(SERVICE_RULES.failures)), return_exceptions=True
    ):
        assert isinstance(answer, UnavailableError)


async def seconds_until_used(client: ServiceClient) -> float:
    started = time.monotonic()
    async with asyncio.timeout(10):
        while True:
            if await is_answered(client):
                return time.monotonic() - started
            await asyncio.sleep(0.01)


def opens_of(metrics: Metrics) -> float | None:
    return metrics.registry.get_sample_value("service_breaker_opens_total", {"service": "owner"})


async def test_while_it_hangs_nobody_waits_and_when_it_is_back_it_is_used_within_the_pause(
    owner: Owner, client: ServiceClient, metrics: Metrics
) -> None:
    assert await is_answered(client)
    owner.hang()
    await fail(client)
    seconds: list[float] = []

    async def call() -> None:
        started = time.perf_counter()
        assert not await is_answered(client)
        seconds.append(time.perf_counter() - started)

    ends_at = time.monotonic() + 2.5  # two probes and what is between them
    calls = []
    while time.monotonic() < ends_at:
        calls.append(asyncio.create_task(call()))
        await asyncio.sleep(0.001)
    await asyncio.gather(*calls)
    assert len(seconds) > 500
    assert statistics.quantiles(seconds, n=100)[98] < 0.005
    probes = [each for each in seconds if each > TIMEOUT_SECONDS]
    assert 1 <= len(probes) <= 3
    assert max(probes) < DEADLINE_SECONDS + 0.3
    owner.go_on()
    assert await seconds_until_used(client) < SERVICE_RULES.open_seconds + TIMEOUT_SECONDS
    assert opens_of(metrics) == 1


async def test_when_it_dies_nobody_waits_and_its_successor_is_used_within_the_pause(
    owner: Owner, client: ServiceClient, metrics: Metrics
) -> None:
    assert await is_answered(client)
    await owner.die()
    await fail(client)
    started = time.perf_counter()
    for _ in range(100):
        with pytest.raises(UnavailableError, match="owner has not answered for a while") as caught:
            await client.get("/200")
    assert time.perf_counter() - started < 0.5
    assert caught.value.headers == {"Retry-After": "1"}
    await owner.start()
    assert await seconds_until_used(client) < SERVICE_RULES.open_seconds + TIMEOUT_SECONDS
    assert opens_of(metrics) == 1


async def test_its_own_failures_count_and_refusals_do_not(
    client: ServiceClient, metrics: Metrics
) -> None:
    for status in (404, 400, 401, 403, 409, 422, 429):
        for _ in range(SERVICE_RULES.failures):
            assert await refusal(client, f"/{status}") in {None, f"owner answered {status}."}
    assert opens_of(metrics) is None
    for _ in range(SERVICE_RULES.failures - 1):
        assert await refusal(client, "/503") == "owner answered 503."
    assert await is_answered(client)
    await fail(client, path="/500")
    with pytest.raises(UnavailableError, match="owner has not answered for a while"):
        await client.get("/200")


async def test_callers_who_give_up_open_nothing_and_keep_no_probe(
    owner: Owner, client: ServiceClient, metrics: Metrics
) -> None:
    owner.hang()
    for _ in range(2 * SERVICE_RULES.failures):
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await client.get("/200")
    assert opens_of(metrics) is None
    await fail(client)

    async def probe() -> None:
        async with asyncio.timeout(0.05):
            await client.get("/200")

    for _ in range(3):  # each is given the probe that the one before left
        async with asyncio.timeout(5):
            while True:
                try:
                    await probe()
                except TimeoutError:
                    break
                except UnavailableError:
                    await asyncio.sleep(0.01)
    owner.go_on()
    assert await is_answered(client)
