"""What the three private servers have in common: start, wait for a real answer, stop, break."""

import asyncio
import re
from abc import ABC, abstractmethod
from pathlib import Path

from devstack.errors import ServerStartError
from devstack.ports import PortBook
from devstack.processes import ChildProcess, end_leftover

_PROBE_SECONDS = 5.0
_TROUBLE = re.compile(
    r"fatal|error|failed|cannot|could not|denied|bad |there is no setting", re.IGNORECASE
)
# 2026-01-31 12:00:00.123456+00:00 [error] <0.132.0> of RabbitMQ, whose level says nothing more.
_STAMP = re.compile(r"^\S+ \S+ \[\w+\] <[\d.]+>")


class NotReadyError(Exception):
    """The server does not answer yet; its text says what a client sees."""


class PrivateServer(ABC):
    """A server of ours on 127.0.0.1, in a folder of its own."""

    name: str
    start_seconds: float
    poll_seconds: float

    def __init__(self, process: ChildProcess, ports: PortBook) -> None:
        self._process = process
        self._ports = ports
        self.port = 0  # known from the first start on, and the same until the last

    @property
    def pid(self) -> int | None:
        """The server's process id, None when it is not running."""
        return self._process.pid

    @property
    def log(self) -> Path:
        """What the server printed."""
        return self._process.log

    def describe_end(self) -> str:
        """Say how the server ended, in words for the terminal."""
        return self._process.describe_end()

    async def start(self) -> None:
        """Start on the kept data and port, and return when a client is served.

        Raises ServerStartError, with nothing left running, when that does not come to pass.
        """
        if self.pid is not None:
            return
        try:
            if not self.port:
                await self._claim()
            await self._prepare()
            self._process.start()
            await self._await_answer()
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        """Shut the server down cleanly; its data stay."""
        await self._process.stop()

    def kill(self) -> None:
        """Crash the server (SIGKILL); `start` brings it back."""
        self._process.kill()

    def freeze(self) -> None:
        """Make the server hang with its connections open (SIGSTOP)."""
        self._process.freeze()

    def thaw(self) -> None:
        """End a freeze."""
        self._process.thaw()

    async def _claim(self) -> None:
        """Before the first start: end what an earlier run left alive, then take a port."""
        await end_leftover(self._process.record)
        self.port = self._ports.take(self.name.lower())

    @abstractmethod
    async def _prepare(self) -> None:
        """Write what the server needs before it starts."""

    @abstractmethod
    async def _probe(self) -> None:
        """Act as a client once; raise NotReadyError while that is not possible."""

    async def _await_answer(self) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.start_seconds
        while True:
            try:
                async with asyncio.timeout(_PROBE_SECONDS):
                    await self._probe()
            except (NotReadyError, TimeoutError) as unready:
                reason = str(unready) or "no answer"
            else:
                return
            if self.pid is None:
                raise ServerStartError(
                    f"{self.name} ended while starting: {find_reason(self._process.log)} "
                    f"(its log is {self._process.log})."
                )
            if loop.time() > deadline:
                raise ServerStartError(
                    f"{self.name} was not ready after {self.start_seconds:.0f} s: {reason} "
                    f"(its log is {self._process.log})."
                )
            await asyncio.sleep(self.poll_seconds)


def find_reason(log: Path) -> str:
    """Return the line of `log` that best tells why a program ended."""
    return pick_reason(log.read_text(errors="replace"))


def pick_reason(text: str) -> str:
    """Return the first line of `text` that tells of trouble, else its last line.

    The first, because each of the three goes on with consequences (RabbitMQ for fifty lines).
    """
    lines = [_STAMP.sub("", line).strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if _TROUBLE.search(line)]
    return (telling[:1] or lines[-1:] or ["it wrote nothing"])[0].rstrip(".")
