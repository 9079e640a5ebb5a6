"""Runs schemathesis over one service by its command line, and reads what it found."""

import asyncio
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.fuzz.plan import Plan
from tests.fuzz.world import World

_CHECKS: Final = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)
_PHASES: Final = ("examples", "coverage", "fuzzing")
_ROOT: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Report:
    """What came of fuzzing one service."""

    service: str
    summary: dict[str, Any]
    output: str

    @property
    def passed(self) -> bool:
        """All of its operations were asked, and every answer was as documented."""
        operations = self.summary["operations"]
        return (
            self.summary["exit_code"] == 0
            and not self.summary["errors"]
            and operations["tested"] == operations["total"]
        )

    def titles(self) -> set[str]:
        """What kinds of failures there are."""
        return {str(failure["title"]) for failure in self.summary["failures"]}

    def line(self) -> str:
        """The figures."""
        cases, operations = self.summary["test_cases"], self.summary["operations"]
        return (
            f"{self.service}: {operations['tested']} of {operations['total']} operations, "
            f"{cases['generated']} requests, {cases['unique_failures']} failures, "
            f"{self.summary['running_time']:.0f} s, seed {self.summary['seed']}"
        )


async def fuzz(
    service: str,
    url: str,
    world: World,
    plan: Plan,
    folder: Path,
    document: Path | None = None,
) -> Report:
    """Fuzz a running service by its own OpenAPI document.

    Args:
        service: Its name.
        url: Where it is, without a trailing slash; on this machine.
        world: What its requests may name.
        plan: How much.
        folder: For the configuration and the report; it is made.
        document: What to go by instead of the service's own document.
    """
    config, report = _prepare(folder, service, world)
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", f"--config-file={config}", "--no-color", "run"),
        *((str(document), f"--url={url}") if document else (f"{url}/openapi.json",)),
        f"--checks={','.join(_CHECKS)}",
        f"--phases={','.join(_PHASES)}",
        *("--continue-on-failure", "--warnings=off", "--generation-database=none"),
        *("--request-timeout=20", "--suppress-health-check=all"),
        *("--report=json", f"--report-json-path={report}"),
        *plan.arguments(service),
        cwd=folder,
        env={
            **os.environ,
            "PYTHONPATH": str(_ROOT),
            "SCHEMATHESIS_HOOKS": "tests.fuzz.hooks",
            "FUZZ_WORLD": str(folder / "world.json"),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    text = output.decode(errors="replace")
    assert report.exists(), text
    return Report(service, json.loads(report.read_text()), text)


def _prepare(folder: Path, service: str, world: World) -> tuple[Path, Path]:
    """A configuration, so that no other is looked for, and where the report will be."""
    folder.mkdir(parents=True, exist_ok=True)
    config, report = folder / "schemathesis.toml", folder / f"{service}.json"
    config.write_text("")
    world.write(folder / "world.json")
    report.unlink(missing_ok=True)
    return config, report
