"""What a run that was killed leaves behind, with Redis, the quickest of the three."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import pytest

from devstack.binaries import find_binaries
from devstack.errors import ServerStartError
from devstack.ports import PortBook
from devstack.process_table import family_of
from devstack.redis import Redis

OWNER = """
import asyncio, random, sys
from pathlib import Path
from devstack.ports import PortBook
from devstack.redis import Redis

async def main(binary, home):
    redis = Redis(binary, home / "redis", PortBook(home / "ports.json", random.Random(1)))
    await redis.start()
    if sys.argv[3] == "frozen":
        redis.freeze()
    print(redis.pid, flush=True)
    await asyncio.sleep(60)

asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2])))
"""


def find_redis() -> Path:
    binary = find_binaries().redis
    assert binary is not None
    return binary


def make_redis(home: Path) -> Redis:
    return Redis(find_redis(), home / "redis", PortBook(home / "ports.json", random.Random(2)))


def kill_an_owner(home: Path, state: str) -> int:
    """Start Redis from a process of its own, kill that process, and return Redis' pid."""
    arguments = [sys.executable, "-c", OWNER, str(find_redis()), str(home), state]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        pid = int(owner.stdout.readline())
        owner.kill()
    return pid


async def ends(pid: int) -> bool:
    for _ in range(100):
        if not family_of(pid):
            return True
        await asyncio.sleep(0.05)
    return False


@pytest.mark.skipif(sys.platform != "linux", reason="parent-death signals are Linux's")
async def test_a_server_ends_with_its_owner_even_when_that_is_killed(tmp_path: Path) -> None:
    assert await ends(kill_an_owner(tmp_path, "running"))


async def test_a_start_ends_a_frozen_server_of_a_killed_owner_and_takes_its_port(
    tmp_path: Path,
) -> None:
    pid = kill_an_owner(tmp_path, "frozen")
    assert family_of(pid)
    kept = PortBook(tmp_path / "ports.json", random.Random(1))
    redis = make_redis(tmp_path)
    await redis.start()
    try:
        assert await ends(pid)
        await redis.stop()
        assert kept.take("redis") == redis.port
    finally:
        await redis.stop()


async def test_a_start_leaves_alone_a_stranger_that_has_the_recorded_pid(tmp_path: Path) -> None:
    redis = make_redis(tmp_path)
    stranger = await asyncio.create_subprocess_exec("sleep", "60")
    record = '{"pid": %d, "birth": "another", "stop_signal": 15, "stop_seconds": 1}'
    (tmp_path / "redis" / "process.json").write_text(record % stranger.pid)
    await redis.start()
    await redis.stop()
    assert stranger.returncode is None
    stranger.kill()
    await stranger.wait()


async def test_a_server_that_cannot_start_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    redis = make_redis(tmp_path)
    await redis.start()
    await redis.stop()
    (tmp_path / "redis" / "data" / "appendonlydir" / "appendonly.aof.manifest").write_text("junk")
    with pytest.raises(ServerStartError, match=r"Redis ended while starting: .*redis\.log"):
        await redis.start()
    assert redis.pid is None
