"""`make run` as a person at a terminal meets it; on a home and ports of its own."""

import asyncio
import os
import signal
import socket
import sys
from pathlib import Path

import pytest

from devstack.addresses import DEFAULT_PORTS
from devstack.home import Home
from devstack.ports import is_free
from devstack.process_table import family_of, read_processes
from devstack.servers import clean
from servicekit.http_client import AsyncClient, TransportError, create_http_client

CHECKOUT = Path(__file__).parents[2]
TOUR_SECONDS = 120


@pytest.fixture(autouse=True)
def whole() -> None:
    """In place of the other tests' fixture of this name: the shared system is not needed here."""


def free_offset() -> int:
    for offset in range(300, 20_000, 100):
        if all(is_free(port + offset) for port in DEFAULT_PORTS.values()):
            return offset
    raise AssertionError("no hundred of ports is free")


def command_of(pid: int) -> str:
    return Path(f"/proc/{pid}/cmdline").read_text()


async def start_run(home: Path, offset: int) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "devstack.run", "--port-offset", str(offset)),
        *("--home", str(home), "--run-env", str(home.parent / "run.env")),
        cwd=CHECKOUT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )


async def read_until(process: asyncio.subprocess.Process, words: str) -> str:
    assert process.stdout is not None
    text = ""
    async with asyncio.timeout(TOUR_SECONDS):
        while words not in text:
            line = await process.stdout.readline()
            assert line, f"it ended: {text}"
            text += line.decode()
    return text


async def test_it_ends_its_tour_stops_all_on_ctrl_c_and_keeps_the_data(tmp_path: Path) -> None:
    home, offset = tmp_path / "run", free_offset()
    keys = []
    try:
        for _ in range(2):
            process = await start_run(home, offset)
            text = await read_until(process, "Ctrl-C stops everything")
            assert text.count("delivered in") == 2
            keys.append((tmp_path / "run.env").read_text().partition("API_KEY=")[2].split()[0])
            family = family_of(process.pid)
            assert len(family) > 8
            process.send_signal(signal.SIGINT)
            assert await process.wait() == 0
            left = {(entry.pid, entry.birth) for entry in read_processes().values()}
            assert [entry for entry in family if (entry.pid, entry.birth) in left] == []
        assert keys[0] == keys[1]
    finally:
        await clean(home)


@pytest.mark.parametrize(
    ("command", "name"),
    [("email_service.main", "email-service"), ("redis-server", "Redis")],
)
async def test_what_dies_is_started_again(tmp_path: Path, command: str, name: str) -> None:
    home, offset = tmp_path / "run", free_offset()
    process = await start_run(home, offset)
    try:
        await read_until(process, "Ctrl-C stops everything")
        victim = next(
            entry.pid for entry in family_of(process.pid) if command in command_of(entry.pid)
        )
        os.kill(victim, signal.SIGKILL)
        assert f"{name} was ended by SIGKILL" in await read_until(process, "starting")
        ready = f"http://127.0.0.1:{DEFAULT_PORTS['email-service'] + offset}/health/ready"
        async with asyncio.timeout(30), create_http_client(timeout_seconds=2) as client:
            while not await is_ready(client, ready):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.1)
    finally:
        process.send_signal(signal.SIGTERM)
        await process.wait()
        await clean(home)


async def is_ready(client: AsyncClient, url: str) -> bool:
    try:
        return (await client.get(url)).status_code == 200
    except TransportError:
        return False


async def test_a_second_run_in_the_same_place_is_told_of_the_first(tmp_path: Path) -> None:
    home = tmp_path / "run"
    owner = Home(home)
    owner.lock()
    process = await start_run(home, free_offset())
    output, _ = await process.communicate()
    assert process.returncode == 1
    assert f"in use by process {os.getpid()}" in output.decode()


async def test_an_occupied_port_is_named_with_what_to_do(tmp_path: Path) -> None:
    offset = free_offset()
    with socket.create_server(("127.0.0.1", DEFAULT_PORTS["user-service"] + offset)):
        process = await start_run(tmp_path / "run", offset)
        output, _ = await process.communicate()
    assert process.returncode == 1
    port = DEFAULT_PORTS["user-service"] + offset
    assert f"Port {port}, which user-service needs, is in use." in output.decode()
    assert "PORT_OFFSET" in output.decode()
    assert "Traceback" not in output.decode()
