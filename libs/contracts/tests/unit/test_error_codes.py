import json
import pickle
import re

import pytest

from contracts.error_codes import ErrorCode


@pytest.mark.parametrize("code", ErrorCode)
def test_every_code_says_what_the_caller_can_do(code: ErrorCode) -> None:
    assert code.remedy.endswith(".")
    assert len(code.remedy.split()) >= 3


@pytest.mark.parametrize("code", ErrorCode)
def test_a_code_is_the_lower_case_of_its_name(code: ErrorCode) -> None:
    assert code.value == code.name.lower()
    assert re.fullmatch(r"[a-z]+(_[a-z]+)*", code.value)


def test_no_two_names_share_a_value() -> None:
    # An alias would silently be the same member as the first.
    assert len({code.value for code in ErrorCode}) == len(ErrorCode.__members__)


def test_a_code_is_found_by_its_value_alone_and_is_a_plain_string_in_json() -> None:
    assert ErrorCode("not_found") is ErrorCode.NOT_FOUND
    assert json.dumps(ErrorCode.NOT_FOUND) == '"not_found"'
    assert f"{ErrorCode.NOT_FOUND}" == "not_found"


def test_a_code_survives_pickling() -> None:
    assert pickle.loads(pickle.dumps(ErrorCode.CONFLICT)) is ErrorCode.CONFLICT  # noqa: S301
