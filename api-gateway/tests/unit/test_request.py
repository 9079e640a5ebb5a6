from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from samples import request

from contracts.notification import NotificationType

SAME: dict[str, Any] = {"user_id": uuid4()}


def test_the_order_of_keys_does_not_matter() -> None:
    one = request(**SAME, variables={"a": {"x": 1, "y": 2}, "b": 2}, metadata={"m": 1, "n": 2})
    other = request(**SAME, metadata={"n": 2, "m": 1}, variables={"b": 2, "a": {"y": 2, "x": 1}})
    assert one.fingerprint == other.fingerprint


def test_the_request_id_is_not_part_of_the_body() -> None:
    one, other = request(**SAME, request_id="a"), request(**SAME, request_id="b")
    assert one.fingerprint == other.fingerprint


@pytest.mark.parametrize(
    "changes",
    [
        {"notification_type": NotificationType.PUSH},
        {"user_id": uuid4()},
        {"template_code": "other"},
        {"variables": {"a": 2}},
        {"variables": {"a": "1"}},
        {"variables": {"a": True}},
        {"variables": {"a": [1]}},
        {"variables": {}},
        {"metadata": {"a": 1}},
        {"priority": 4},
        {"language": "en"},
        {"expires_at": datetime(2026, 12, 1, tzinfo=UTC)},
    ],
)
def test_another_body_has_another_fingerprint(changes: dict[str, Any]) -> None:
    first = request(**SAME, variables={"a": 1})
    other = request(**{**SAME, "variables": {"a": 1}, **changes})
    assert first.fingerprint != other.fingerprint


def test_the_order_of_a_list_does_matter() -> None:
    one, other = request(**SAME, variables={"a": [1, 2]}), request(**SAME, variables={"a": [2, 1]})
    assert one.fingerprint != other.fingerprint
