"""Dying on command, and only then."""

from pathlib import Path

import pytest
from pydantic import AnyHttpUrl, SecretStr, ValidationError

from delivery.failpoints import Failpoint, Failpoints
from delivery.settings import WorkerSettings


def deaths(failpoints: Failpoints, died: list[str]) -> list[str]:
    for point in Failpoint:
        failpoints.reach(point)
    return died


def test_only_the_armed_step_is_deadly() -> None:
    died: list[str] = []
    failpoints = Failpoints(Failpoint.AFTER_OUTCOME, die=lambda: died.append("died"))
    for point in Failpoint:
        failpoints.reach(point)
        assert bool(died) == (list(Failpoint).index(point) >= 2)


def test_nothing_is_armed_by_default() -> None:
    died: list[str] = []
    assert deaths(Failpoints(die=lambda: died.append("died")), died) == []


def test_with_a_file_one_process_dies_once(tmp_path: Path) -> None:
    file = tmp_path / "armed"
    died: list[str] = []
    points = [
        Failpoints(Failpoint.BEFORE_ACK, file, die=lambda: died.append("died")) for _ in range(3)
    ]
    for each in points:
        each.reach(Failpoint.BEFORE_ACK)
    assert died == []
    file.touch()
    for each in points:
        each.reach(Failpoint.BEFORE_ACK)
    assert died == ["died"]
    assert not file.exists()


def test_a_failpoint_is_refused_in_production() -> None:
    with pytest.raises(ValidationError, match="FAILPOINT is for tests"):
        WorkerSettings(
            port=1,
            amqp_url=SecretStr("amqp://127.0.0.1:1/"),
            redis_url=SecretStr("redis://127.0.0.1:1/0"),
            template_service_url=AnyHttpUrl("http://127.0.0.1:1"),
            service_token=SecretStr("w:token"),
            suppression_key=SecretStr("k" * 32),
            failpoint=Failpoint.BEFORE_SEND,
        )
