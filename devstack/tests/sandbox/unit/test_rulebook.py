"""Which rule meets which attempt, and which rules are refused."""

from typing import Any

import pytest
from pydantic import ValidationError

from devstack.sandbox.failures.rule import FailureRule, Target
from devstack.sandbox.failures.rulebook import Rulebook


def rulebook(target: Target, *rules: dict[str, Any], random: float = 0.5) -> Rulebook:
    made = Rulebook(target, lambda: random)
    made.replace([FailureRule.model_validate(rule) for rule in rules])
    return made


def test_goes_well_without_rules() -> None:
    assert rulebook("smtp").choose(["a@x"], "data") is None


def test_stops_after_the_given_number_of_times() -> None:
    book = rulebook("fcm", {"status": 503, "times": 2})
    chosen = [book.choose(["t"]) is not None for _ in range(4)]
    assert chosen == [True, True, False, False]
    assert book.describe() == [{"action": "refuse", "status": 503, "times": 2, "used": 2}]


def test_the_first_rule_that_matches_decides() -> None:
    book = rulebook("smtp", {"recipient": "*@a.test", "status": 550}, {"status": 451})
    first = book.choose(["x@A.test"], "data")
    second = book.choose(["x@b.test"], "data")
    assert (first and first.status, second and second.status) == (550, 451)


def test_a_rule_without_a_stage_acts_at_data() -> None:
    book = rulebook("smtp", {"status": 451})
    assert book.choose([], "connect") is None
    assert book.choose(["a@x"], "rcpt") is None
    assert book.choose(["a@x"], "data") is not None


@pytest.mark.parametrize(("drawn", "hit"), [(0.09, True), (0.1, False), (0.9, False)])
def test_probability_decides_by_the_number_drawn(drawn: float, hit: bool) -> None:
    book = rulebook("fcm", {"probability": 0.1}, random=drawn)
    assert (book.choose(["t"]) is not None) is hit


def test_an_attempt_spared_by_probability_is_not_counted() -> None:
    book = rulebook("fcm", {"probability": 0.1, "times": 1}, random=0.9)
    book.choose(["t"])
    assert book.describe()[0]["used"] == 0


@pytest.mark.parametrize(
    ("target", "rule", "field"),
    [
        ("smtp", {"error_code": "UNAVAILABLE"}, "error_code"),
        ("smtp", {"retry_after": 1}, "retry_after"),
        ("smtp", {"action": "drop_after_accept", "stage": "rcpt"}, "stage"),
        ("smtp", {"action": "hang_after_accept", "stage": "mail"}, "stage"),
        ("smtp", {"stage": "connect", "recipient": "x"}, "recipient"),
        ("smtp-b", {"stage": "ehlo", "recipient": "x"}, "recipient"),
        ("smtp-b", {"retry_after": 1}, "retry_after"),
        ("sendgrid", {"stage": "data"}, "stage"),
        ("sendgrid", {"error_code": "UNAVAILABLE"}, "error_code"),
        ("fcm", {"stage": "data"}, "stage"),
        ("fcm", {"error_code": "NO_SUCH"}, "error_code"),
        ("oauth", {"recipient": "x"}, "recipient"),
    ],
)
def test_refuses_a_rule_that_does_not_fit_the_target(
    target: Target, rule: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValueError, match=rf"^0\.{field}: "):
        rulebook(target, rule)


def test_keeps_the_old_rules_when_the_new_ones_are_refused() -> None:
    book = rulebook("fcm", {"status": 500})
    with pytest.raises(ValueError, match="stage"):
        book.replace([FailureRule(stage="data")])
    assert book.describe()[0]["status"] == 500


@pytest.mark.parametrize(
    "rule",
    [
        {"status": 200},
        {"status": "451"},
        {"text": "two\r\nlines"},
        {"action": "explode"},
        {"action": "delay"},
        {"action": "hang", "status": 451},
        {"times": 0},
        {"probability": 1.5},
        {"unknown": 1},
    ],
)
def test_refuses_a_rule_that_makes_no_sense(rule: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        FailureRule.model_validate(rule)
