import pytest

from contracts.template_code import is_template_code


@pytest.mark.parametrize("code", ["a", "7", "welcome_email", "order.shipped-2", "a" * 100])
def test_takes_names_that_need_no_escaping(code: str) -> None:
    assert is_template_code(code)


@pytest.mark.parametrize(
    "code", ["", ".", "..", "_a", "-a", "A", "a/b", "a b", "a\n", "a" * 101, "ü", "a%2e"]
)
def test_refuses_everything_else(code: str) -> None:
    assert not is_template_code(code)
