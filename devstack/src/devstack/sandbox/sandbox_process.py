"""A sandbox in a process of its own, started on free ports; for tests and the local stack."""

import asyncio
import json
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 20.0


class SandboxStartError(Exception):
    """The process ended or stayed silent; the message carries what it said."""


@dataclass(frozen=True, slots=True)
class SandboxProcess:
    """A running sandbox and its addresses, as its ready line gives them."""

    process: asyncio.subprocess.Process
    data: Path
    http: str
    https: str
    smtp_host: str
    smtp_port: int
    smtp_b_port: int
    ca: Path

    @classmethod
    async def start(cls, data: Path, **settings: str) -> "SandboxProcess":
        """Start one with its data in `data`; `settings` are names of settings, e.g. smtp_port.

        Ports that are not given are chosen free. Raises SandboxStartError.
        """
        free = dict.fromkeys(("http_port", "https_port", "smtp_port", "smtp_b_port"), "0")
        chosen = {**free, **settings}
        environment = {f"SANDBOX_{name.upper()}": value for name, value in chosen.items()}
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "devstack.sandbox"),
            env={**os.environ, **environment, "SANDBOX_DATA": str(data)},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        assert process.stdout is not None  # a pipe was asked for
        assert process.stderr is not None
        try:
            async with asyncio.timeout(READY_SECONDS):
                line = await process.stdout.readline()
        except TimeoutError:
            process.kill()
            line = b""
        if not line.startswith(b"ready "):
            said = (await process.stderr.read()).decode(errors="replace").strip()
            await process.wait()
            raise SandboxStartError(f"The sandbox did not start: {said or 'it said nothing'}")
        ready = json.loads(line.removeprefix(b"ready "))
        smtp_host, _, smtp_port = ready["smtp"].rpartition(":")
        return cls(
            process,
            data,
            ready["http"],
            ready["https"],
            smtp_host,
            int(smtp_port),
            int(ready["smtp_b"].rpartition(":")[2]),
            Path(ready["ca"]),
        )

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send the signal, wait for the end, return the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await self.process.wait()
