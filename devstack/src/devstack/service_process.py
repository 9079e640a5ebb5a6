"""One of our own processes in a stack: started, waited for, restarted when it dies, stopped."""

import asyncio
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from devstack.errors import ServerStartError
from devstack.processes import ChildProcess, Program, end_leftover
from servicekit.http_client import AsyncClient, TransportError

_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.1
_STOP_SECONDS: Final = 35.0
_RESTART_SECONDS: Final = (0.5, 1.0, 2.0, 5.0)
"""Pauses before a restart; a process that keeps dying is restarted more and more slowly."""
_STEADY_SECONDS: Final = 30.0


@dataclass(frozen=True)
class ProcessPlan:
    """What to run.

    Attributes:
        name: What the process is called.
        argv: The command.
        environment: All of its environment.
        folder: Where it runs; its log and record lie in `home`.
        home: The stack's folder.
        ready_url: Answers 200 when it is ready.
    """

    name: str
    argv: tuple[str, ...]
    environment: dict[str, str]
    folder: Path
    home: Path
    ready_url: str


class ServiceProcess:
    """Supervises one process, as a container engine with `restart: always` would."""

    def __init__(self, plan: ProcessPlan, say: Callable[[str], None]) -> None:
        self.name = plan.name
        self._plan = plan
        self._say = say
        (plan.home / "logs").mkdir(parents=True, exist_ok=True)
        self._process = ChildProcess(_program_of(plan))
        self._watching: asyncio.Task[None] | None = None
        self.restarts = 0

    @property
    def pid(self) -> int | None:
        """Its process id, None while it is not running."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """What it printed."""
        return self._process.log

    async def start(self) -> None:
        """Start it; a leftover of a run that was killed is ended first."""
        await end_leftover(self._process.record)
        self._process.start()

    async def stop(self) -> None:
        """End it for good."""
        self.unwatch()
        await self._process.stop()

    def change(
        self, environment: Mapping[str, str] | None = None, argv: tuple[str, ...] | None = None
    ) -> None:
        """Run it otherwise from the next start on; without arguments, as it was planned.

        Args:
            environment: Added to the planned one.
            argv: In place of the planned command.
        """
        self._process.program = _program_of(
            replace(
                self._plan,
                argv=argv or self._plan.argv,
                environment={**self._plan.environment, **(environment or {})},
            )
        )

    def kill(self) -> None:
        """Crash it (SIGKILL); while it is watched, it comes back."""
        self._process.kill()

    def freeze(self) -> None:
        """Make it hang (SIGSTOP)."""
        self._process.freeze()

    def thaw(self) -> None:
        """End a freeze."""
        self._process.thaw()

    def watch(self) -> None:
        """Restart it whenever it dies, from now on."""
        self._watching = asyncio.create_task(self._watch(), name=f"watch-{self.name}")

    def unwatch(self) -> None:
        """Let it die, from now on."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None

    async def ready(self, client: AsyncClient) -> None:
        """Wait until it answers that it is ready.

        Raises:
            ServerStartError: It ended, or was not ready in time.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        state = "it did not answer"
        while loop.time() < deadline:
            if self.pid is None and self._watching is None:
                raise ServerStartError(
                    f"{self.name} {self._process.describe_end()}: {self._last_line()} "
                    f"(its log is {self.log})."
                )
            try:
                response = await client.get(self._plan.ready_url)
            except TransportError:
                pass
            else:
                if response.status_code == 200:
                    return
                state = response.text
            await asyncio.sleep(_POLL_SECONDS)
        raise ServerStartError(
            f"{self.name} was not ready after {_READY_SECONDS:.0f} s: {state} "
            f"(its log is {self.log})."
        )

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        started, deaths = loop.time(), 0
        while True:
            await asyncio.sleep(_POLL_SECONDS)
            if self.pid is not None:
                continue
            deaths = deaths + 1 if loop.time() - started < _STEADY_SECONDS else 0
            pause = _RESTART_SECONDS[min(deaths, len(_RESTART_SECONDS) - 1)]
            self._say(
                f"{self.name} {self._process.describe_end()}; restarting in {pause:g} s "
                f"(its log is {self.log.with_suffix('.previous.log')})."
            )
            await asyncio.sleep(pause)
            self._process.start()
            self.restarts += 1
            started = loop.time()

    def _last_line(self) -> str:
        lines = [line for line in self.log.read_text(errors="replace").splitlines() if line]
        return lines[-1][:500] if lines else "it wrote nothing"


def _program_of(plan: ProcessPlan) -> Program:
    return Program(
        argv=plan.argv,
        environment=plan.environment,
        folder=plan.folder,
        log=plan.home / "logs" / f"{plan.name}.log",
        record=plan.home / f"{plan.name}-process.json",
        stop_signal=signal.SIGTERM,
        stop_seconds=_STOP_SECONDS,
    )
