"""One supervised process: run otherwise for a while, and as planned again."""

import asyncio
import sys
from pathlib import Path

import pytest

from devstack.service_process import ProcessPlan, ServiceProcess

SAY_AND_WAIT = "import os, time; print(os.environ['WORD'], flush=True); time.sleep(60)"


@pytest.fixture
def process(tmp_path: Path) -> ServiceProcess:
    plan = ProcessPlan(
        name="speaker",
        argv=(sys.executable, "-c", SAY_AND_WAIT),
        environment={"WORD": "planned"},
        folder=tmp_path,
        home=tmp_path,
        ready_url="http://127.0.0.1:1/",
    )
    return ServiceProcess(plan, say=print)


async def said(process: ServiceProcess, word: str) -> None:
    async with asyncio.timeout(10):
        while word not in process.log.read_text():  # noqa: ASYNC110 - another process
            await asyncio.sleep(0.02)


async def test_a_change_holds_from_the_next_start_on_until_it_is_taken_back(
    process: ServiceProcess,
) -> None:
    await process.start()
    await said(process, "planned")
    process.change({"WORD": "changed"})
    assert process.pid is not None
    await process.stop()
    await process.start()
    await said(process, "changed")
    process.change()
    await process.stop()
    await process.start()
    await said(process, "planned")
    await process.stop()


async def test_a_watched_process_that_is_killed_comes_back_as_it_was_changed(
    process: ServiceProcess,
) -> None:
    await process.start()
    process.watch()
    await said(process, "planned")
    process.change(argv=(sys.executable, "-c", "import time; print('other'); time.sleep(60)"))
    process.change({"WORD": "changed"})
    process.kill()
    await said(process, "changed")
    assert process.restarts == 1
    await process.stop()
