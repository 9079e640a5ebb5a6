"""Which names are required and which optional."""

import pytest

from templating import EmailContent, PushContent, compile_email, compile_push, missing_variables

CASES = [
    ("{{a}} {{b.c}}", ("a", "b"), ()),
    ("{{a|default('x')}}", (), ("a",)),
    ("{{a|default('x')}}{{a}}", ("a",), ()),
    ("{% if a %}{% endif %}", (), ("a",)),
    ("{% if a %}{{a}}{% endif %}", (), ("a",)),
    ("{% if a %}{{b}}{% endif %}", ("b",), ("a",)),
    ("{% if a %}{% endif %}{{a}}", ("a",), ()),
    ("{% if not a %}x{% else %}{{a}}{% endif %}", (), ("a",)),
    ("{% if not a %}{{a}}{% endif %}", ("a",), ()),
    ("{% if a is defined and b %}{{a}}{{b}}{% endif %}", (), ("a", "b")),
    ("{% if a or b %}{{a}}{% endif %}", ("a",), ("b",)),
    ("{% if a == 'x' %}{{a}}{% endif %}", (), ("a",)),
    ("{% if a != 'x' %}{{a}}{% endif %}", ("a",), ()),
    ("{% if a is not defined %}x{% elif a > 3 %}{{a}}{% else %}{{a}}{% endif %}", (), ("a",)),
    ("{% for x in xs %}{{x}}{{loop.index}}{{y}}{% endfor %}", ("xs", "y"), ()),
    ("{% for x in xs %}{% endfor %}{{x}}", ("x", "xs"), ()),
    ("{% for x in x %}{{x}}{% endfor %}", ("x",), ()),
    ("{% for x in xs %}{% else %}{{x}}{% endfor %}", ("x", "xs"), ()),
    ("{% for k, v in d|default([]) %}{{k}}{{v}}{% endfor %}", (), ("d",)),
    ("{{ a or b }}", ("b",), ("a",)),
    ("{{ a if a else b }}", ("b",), ("a",)),
    ("{{ d[k] }}", ("d", "k"), ()),
    ("{{ a|replace(b, 'c') }}", ("a", "b"), ()),
    ("{{ a|upper|default(b) }}", ("b",), ("a",)),
]


@pytest.mark.parametrize(("source", "required", "optional"), CASES)
def test_derives_required_and_optional_names(
    source: str, required: tuple[str, ...], optional: tuple[str, ...]
) -> None:
    compiled = compile_email(EmailContent("s", "h", source))
    assert (compiled.required, compiled.optional) == (required, optional)


@pytest.mark.parametrize("source", [case[0] for case in CASES])
def test_a_template_renders_with_only_its_required_names(source: str) -> None:
    compiled = compile_email(EmailContent("s", "h", source))
    given: dict[str, object] = dict.fromkeys(compiled.required, "v")
    given |= {name: [] for name in ("xs",) if name in given}
    given |= {"x": [1]} if "in x %" in source else {}
    given |= {"d": {"v": "w"}, "b": {"c": "v"}} if {"d", "b"} & given.keys() else {}
    given |= {"b": "v"} if "b.c" not in source and "b" in given else {}
    assert compiled.render(given).html == "h"


def test_names_of_all_parts_come_together_and_required_wins() -> None:
    compiled = compile_email(EmailContent("{{b}}", "{{a|default('')}}", "{{a}}"))
    assert (compiled.required, compiled.optional) == (("a", "b"), ())


def test_push_has_all_its_parts_compiled_and_rendered() -> None:
    content = PushContent("{{t}}\n!", "{{b}}", image="{{i|default('')}}", data={"id": "{{n}}"})
    compiled = compile_push(content)
    assert (compiled.required, compiled.optional) == (("b", "n", "t"), ("i",))
    rendered = compiled.render({"t": "T\r", "b": "<b>", "n": 7})
    assert (rendered.title, rendered.body, rendered.image) == ("T  !", "<b>", None)
    assert rendered.link is None
    assert rendered.data == {"id": "7"}


def test_missing_variables_are_named_in_order() -> None:
    assert missing_variables(("b", "a", "c"), {"c": None}) == ("a", "b")
