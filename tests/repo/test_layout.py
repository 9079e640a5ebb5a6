"""The top level holds what the design names, what an ADR explains, and nothing else."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

DESIGN = {
    *("api-gateway", "user-service", "template-service", "email-service", "push-service"),
    *("libs", "rabbitmq-config", "devstack", "tests", "benchmarks", "docs", ".ci", ".github"),
    *("README.md", "LICENSE", "Makefile", "docker-compose.yml", "locustfile.py", ".env.example"),
    *("pyproject.toml", "requirements-dev.txt"),
}
EXPLAINED_IN_ADR_4 = {".gitignore", ".dockerignore"}


def test_the_top_level_has_only_what_is_named_or_explained() -> None:
    listing = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    assert {line.partition("/")[0] for line in listing.splitlines()} == DESIGN | EXPLAINED_IN_ADR_4
