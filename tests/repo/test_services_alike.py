"""The five services have one shape, so that whoever knows one knows all."""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from tests.repo.members import LIBS, ROOT, SERVICES, Service

services = pytest.mark.parametrize("service", SERVICES, ids=lambda service: service.name)
LAYERS: Final = {"domain", "usecases", "adapters", "api", "consumers"}
DOCKERFILES: Final = [f"{service.name}/Dockerfile" for service in SERVICES] + [
    "devstack/Dockerfile"
]
LOCKS: Final = sorted(
    str(path.relative_to(ROOT))
    for pattern in ("requirements*.txt", "*/requirements*.txt")
    for path in ROOT.glob(pattern)
)


def instructions(dockerfile: str) -> list[str]:
    """Instructions without comments, continued lines joined."""
    joined = (ROOT / dockerfile).read_text().replace("\\\n", " ")
    return [line for line in joined.splitlines() if line.strip() and not line.startswith("#")]


def libs_named_by(service: Service) -> set[str]:
    project = tomllib.loads((service.folder / "pyproject.toml").read_text())
    sources = project["tool"]["uv"]["sources"].values()
    return {Path(source["path"]).name for source in sources}


@services
@pytest.mark.parametrize("name", ["pyproject.toml", "requirements.txt", "Dockerfile", "README.md"])
def test_a_service_has_what_it_ships_with(service: Service, name: str) -> None:
    assert (service.folder / name).is_file()


@services
@pytest.mark.parametrize("name", ["__init__.py", "main.py", "settings.py", "bootstrap.py"])
def test_a_service_is_entered_read_and_built_by_the_same_modules(
    service: Service, name: str
) -> None:
    assert (service.folder / "src" / service.package / name).is_file()


def body_of_main(service: Service) -> str:
    """Its code without the docstring, which says what runs."""
    text = (service.folder / "src" / service.package / "main.py").read_text()
    module = ast.parse(text.replace(service.package, "PACKAGE"))
    imports = [each for each in module.body if isinstance(each, ast.ImportFrom)]
    assert isinstance(module.body[0], ast.Expr), "no docstring"
    rest = [each for each in module.body[1:] if each not in imports]
    # The order of imports follows the package's name.
    return "\n".join([*sorted(map(ast.unparse, imports)), *map(ast.unparse, rest)])


def test_the_five_are_started_alike() -> None:
    assert len({body_of_main(service) for service in SERVICES}) == 1
    assert "run_service(SERVICE, Settings, build_app)" in body_of_main(SERVICES[0])


@services
def test_a_service_says_the_name_and_the_version_of_its_project(service: Service) -> None:
    project = tomllib.loads((service.folder / "pyproject.toml").read_text())["project"]
    bootstrap = importlib.import_module(f"{service.package}.bootstrap")
    assert (project["name"], project["version"]) == (bootstrap.SERVICE, bootstrap.VERSION)


@pytest.mark.parametrize(
    "bootstrap",
    [
        "delivery.application",
        *(f"{each.package}.bootstrap" for each in SERVICES if each.has_database),
    ],
)
def test_no_shutdown_waits_for_ever(bootstrap: str) -> None:
    text = inspect.getsource(importlib.import_module(bootstrap))
    unbounded = r"push_async_callback\((database|redis|http|client|templates|provider)\."
    assert not re.search(unbounded, text)
    assert re.search(r"async with bounded_shutdown\(|asyncio\.timeout\(", text)


@services
def test_an_absent_layer_is_an_absent_folder_never_another_name(service: Service) -> None:
    package = service.folder / "src" / service.package
    found = {each.name for each in package.iterdir() if each.is_dir() and each.name[0] != "_"}
    assert found <= LAYERS


@services
@pytest.mark.parametrize("kind", ["unit", "integration"])
def test_a_service_has_unit_and_integration_tests(service: Service, kind: str) -> None:
    assert list((service.folder / "tests" / kind).glob("test_*.py"))


@services
def test_migrations_are_where_a_database_is_owned(service: Service) -> None:
    assert (service.folder / "alembic.ini").is_file() is service.has_database
    assert (service.folder / "migrations").is_dir() is service.has_database


@pytest.mark.parametrize(
    "service", [each for each in SERVICES if each.has_database], ids=lambda each: each.name
)
def test_migrations_have_one_head(service: Service) -> None:
    scripts = ScriptDirectory.from_config(Config(service.folder / "alembic.ini"))
    assert len(scripts.get_heads()) == 1


def test_no_two_services_listen_on_the_same_port() -> None:
    assert len({service.port for service in SERVICES}) == len(SERVICES)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_is_built_in_two_stages_from_checked_packages(dockerfile: str) -> None:
    lines = instructions(dockerfile)
    bases = [line.split()[1] for line in lines if line.startswith("FROM ")]
    assert bases == ["python:3.11-slim"] * 2
    for line in lines:
        if re.search(r"\binstall\b.* -r ", line):
            assert "--require-hashes" in line
    folder = Path(dockerfile).parent
    assert any(f"--require-hashes -r {folder}/requirements.txt" in line for line in lines)


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_runs_as_nobody_in_particular_and_stops_when_told(dockerfile: str) -> None:
    lines = instructions(dockerfile)
    assert [line for line in lines if line.startswith("USER ")] == ["USER 10001:10001"]
    assert "STOPSIGNAL SIGTERM" in lines
    assert any(line.startswith('CMD ["python", "-m", ') for line in lines), "not the exec form"


@pytest.mark.parametrize("dockerfile", DOCKERFILES)
def test_an_image_checks_its_own_health_without_tools_that_are_not_there(dockerfile: str) -> None:
    (check,) = [line for line in instructions(dockerfile) if line.startswith("HEALTHCHECK ")]
    assert "/health/live" in check
    assert 'CMD ["python", ' in check


@services
def test_an_image_listens_on_the_port_that_the_settings_name(service: Service) -> None:
    lines = instructions(f"{service.name}/Dockerfile")
    assert f"EXPOSE {service.port}" in lines
    assert any(line.startswith("ENV ") and f" PORT={service.port}" in line for line in lines)


@services
def test_an_image_holds_the_libs_that_the_service_names_and_no_other(service: Service) -> None:
    lines = instructions(f"{service.name}/Dockerfile")
    copied = {lib for lib in LIBS if f"COPY libs/{lib} libs/{lib}" in lines}
    assert copied == libs_named_by(service)


@services
def test_the_migrations_are_in_the_image(service: Service) -> None:
    lines = instructions(f"{service.name}/Dockerfile")
    assert (f"COPY {service.name}/migrations migrations" in lines) is service.has_database
    assert (f"COPY {service.name}/alembic.ini ./" in lines) is service.has_database


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_hashes_and_no_address(lock: str) -> None:
    text = (ROOT / lock).read_text()
    assert "--hash=sha256:" in text
    assert not re.search(r"https?:|file:|--index-url|--find-links|^-e |^/", text, re.MULTILINE)


def test_the_import_rules_know_every_member() -> None:
    rules = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    layers = next(contract for contract in rules["contracts"] if contract["id"] == "layers")
    packages = {service.package for service in SERVICES}
    assert set(rules["root_packages"]) == {*packages, *LIBS, "devstack"}
    assert set(layers["containers"]) == packages


def unit_tests() -> Iterator[Path]:
    for folder in ("*/tests", "libs/*/tests", "*/tests/*"):
        yield from ROOT.glob(f"{folder}/unit/**/*.py")


def test_unit_tests_are_found() -> None:
    assert len(list(unit_tests())) > 20


def test_unit_tests_replace_nothing_behind_the_code_s_back() -> None:
    guilty = []
    for path in unit_tests():
        for node in ast.walk(ast.parse(path.read_text())):
            names = {
                ast.Import: lambda n: [alias.name for alias in n.names],
                ast.ImportFrom: lambda n: [n.module or "", *(a.name for a in n.names)],
                ast.arg: lambda n: [n.arg],
            }.get(type(node), lambda _: [])(node)
            if {"unittest.mock", "mock", "patch", "monkeypatch", "mocker"} & set(names):
                guilty.append(str(path.relative_to(ROOT)))
    assert guilty == []
