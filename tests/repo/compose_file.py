"""docker-compose.yml and .env.example as data, with the variables put in as docker compose does."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import yaml
from tests.repo.members import ROOT

# https://docs.docker.com/reference/compose-file/interpolation/
_VARIABLE: Final = re.compile(r"\$\{(?P<name>[A-Z_]+)(?:(?P<operator>:?[-?])(?P<rest>[^}]*))?\}")


@cache
def text() -> str:
    """The file as it is."""
    return (ROOT / "docker-compose.yml").read_text()


@cache
def parts() -> dict[str, dict[str, Any]]:
    """What the file calls services, by name; variables are still variables."""
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text())["services"]
    return loaded


@cache
def networks() -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = yaml.safe_load(text())["networks"]
    return loaded


def variables_used() -> dict[str, set[str]]:
    """Every variable of the file with the operators that it is used with."""
    found: dict[str, set[str]] = {}
    for match in _VARIABLE.finditer(text()):
        found.setdefault(match["name"], set()).add(match["operator"] or "")
    return found


@cache
def example_text() -> str:
    """.env.example as it is."""
    return (ROOT / ".env.example").read_text()


@cache
def example() -> dict[str, str]:
    """The variables of .env.example."""
    lines = example_text().splitlines()
    pairs = [line.partition("=") for line in lines if line and not line.startswith("#")]
    names = [name for name, _, _ in pairs]
    assert len(names) == len(set(names)), "a variable twice in .env.example"
    return {name: value for name, _, value in pairs}


def put_in(value: str, variables: Mapping[str, str]) -> str:
    """Replace the variables in a value; raises LookupError for a required one that is missing."""

    def replace(match: re.Match[str]) -> str:
        name, operator, rest = match["name"], match["operator"] or "", match["rest"] or ""
        given = variables.get(name)
        if given is None or (operator.startswith(":") and not given):
            if operator.endswith("?"):
                raise LookupError(name)
            return rest
        return given

    return _VARIABLE.sub(replace, value)


def environment_of(part: str, variables: Mapping[str, str]) -> dict[str, str]:
    """What a container finds in its environment; what is empty counts as absent."""
    pairs = parts()[part].get("environment", {}).items()
    filled = {name: put_in(str(value), variables) for name, value in pairs}
    return {name: value for name, value in filled.items() if value}
