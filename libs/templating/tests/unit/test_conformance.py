"""The conformance table of the syntax: input, variables, and the output or the error."""

import pytest

from templating import (
    EmailContent,
    MissingVariablesError,
    RenderError,
    TemplateSyntaxError,
    TemplatingError,
    compile_email,
)

RENDERED: list[tuple[str, dict[str, object], str]] = [
    ("Hello", {}, "Hello"),
    ("{{name}}", {"name": "Ann"}, "Ann"),
    ("{{ name }}\n", {"name": "Ann"}, "Ann\n"),
    ("{{user.name}}", {"user": {"name": "Ann"}}, "Ann"),
    ("{{user['name']}}", {"user": {"name": "Ann"}}, "Ann"),
    ("{{d.items}}", {"d": {"items": "three"}}, "three"),
    ("{{rows[1]}} {{rows.0}} {{rows[-1]}}", {"rows": [1, 2]}, "2 1 2"),
    ("{{d[key]}}", {"d": {"a": 1}, "key": "a"}, "1"),
    ('{{name|default("Guest")}}', {}, "Guest"),
    ('{{name|default:"Guest"}}', {}, "Guest"),
    ('{{name|default:"Guest"}}', {"name": "Ann"}, "Ann"),
    ('{{name|default:"Guest"}}', {"name": None}, "Guest"),
    ('{{name|default("Guest")}}', {"name": ""}, ""),
    ('{{name|default("Guest", true)}}', {"name": ""}, "Guest"),
    ('{{ name | default : "Guest" | upper }}', {}, "GUEST"),
    ("{{name|default:other.name}}", {"other": {"name": "Bob"}}, "Bob"),
    ('{{name|d("x")}}', {}, "x"),
    ('{{user.name|default:"Guest"}}', {}, "Guest"),
    ('{{user.name|default:"Guest"}}', {"user": {}}, "Guest"),
    ('{{name|trim|upper|default:"Guest"}}', {}, "Guest"),
    ("{{name|default:\"a|default:'b'\"}}", {}, "a|default:'b'"),
    ('{{"x|default:y"}}', {}, "x|default:y"),
    ("x|default:y {# {{a|default:b}} #}.", {}, "x|default:y ."),
    ("{{n|default:-1}}", {}, "-1"),
    ('{% if plan|default:"free" == "free" %}F{% endif %}', {}, "F"),
    ("{{nothing}}", {"nothing": None}, ""),
    ("{{yes}} {{n}} {{f}}", {"yes": True, "n": 3, "f": 1.5}, "True 3 1.5"),
    ("{{n|upper}} {{n|lower}}", {"n": "Straße"}, "STRASSE straße"),
    ('{{"ann lee"|title}} {{"ANN"|capitalize}}', {}, "Ann Lee Ann"),
    ('{{"  a "|trim}}|{{"xxaxx"|trim("x")}}', {}, "a|a"),
    ("{{xs|length}} {{'abc'|length}}", {"xs": [1, 2]}, "2 3"),
    ('{{xs|join(", ")}} {{xs|join:"-"}}', {"xs": ["a", 2]}, "a, 2 a-2"),
    ("{{xs|first}} {{xs|last}} {{'ab'|last}}", {"xs": [1, 2]}, "1 2 b"),
    ('{{xs|first|default("none")}}', {"xs": []}, "none"),
    ('{{"foo bar baz qux"|truncate(9, leeway=0)}}', {}, "foo..."),
    ('{{"foo bar baz qux"|truncate(9, true, "", 0)}}', {}, "foo bar b"),
    ('{{"aXa"|replace("a", "b")}} {{"aaa"|replace("a", "b", 1)}}', {}, "bXb baa"),
    ("{{42.55|round}} {{42.55|round(1, 'floor')}} {{n|round(2)}}", {"n": 1.005}, "43.0 42.5 1.0"),
    ("{{'7'|int}} {{'x'|int(3)}} {{3.9|int}} {{'2.5'|float}} {{'x'|float}}", {}, "7 3 3 2.5 0.0"),
    ("{{'9007199254740993'|int}}", {}, "9007199254740993"),
    ("{{'a b/ü&'|urlencode}}", {}, "a%20b/%C3%BC%26"),
    ("{{'<b>'|escape}} {{'<b>'|e|upper}}", {}, "&lt;b&gt; &LT;B&GT;"),
    ("{% if a %}A{% elif b %}B{% else %}C{% endif %}", {}, "C"),
    ("{% if a %}A{% elif b %}B{% else %}C{% endif %}", {"b": 1}, "B"),
    ("{% if a and not b or c %}Y{% else %}N{% endif %}", {"a": 1}, "Y"),
    ("{% if n > 2 and n <= 3 and n != 4 %}Y{% endif %}", {"n": 3}, "Y"),
    ("{% if n > 2 %}Y{% else %}N{% endif %}", {}, "N"),
    ("{% if a == b %}Y{% else %}N{% endif %}", {}, "N"),
    ('{% if "b" in xs %}Y{% endif %}{% if "x" not in xs %}N{% endif %}', {"xs": ["b"]}, "YN"),
    ('{% if plan in ["pro", "team"] %}Y{% else %}N{% endif %}', {"plan": "pro"}, "Y"),
    ("{% if name is defined %}Y{% else %}N{% endif %}", {}, "N"),
    ("{% if name is not defined %}Y{% endif %}", {}, "Y"),
    ("{% if name %}Dear {{name}}{% else %}Hello{% endif %}", {}, "Hello"),
    ("{{ name if name else 'Guest' }}{{ '!' if loud }}", {}, "Guest"),
    ("{{ name or 'Guest' }}", {}, "Guest"),
    ("{% for x in xs %}{{loop.index}}{{x}}{% if not loop.last %},{% endif %}{% endfor %}",
     {"xs": ["a", "b"]}, "1a,2b"),
    ("{% for x in xs %}{{loop.first}}/{{loop.length}} {% endfor %}", {"xs": [1]}, "True/1 "),
    ("{% for x in xs %}{{x}}{% else %}none{% endfor %}", {"xs": []}, "none"),
    ("{% for x in xs %}{{x}}{% else %}none{% endfor %}", {"xs": None}, "none"),
    ("{% for x in xs|default([]) %}{{x}}{% endfor %}.", {}, "."),
    ("{% for k in d %}{{k}}={{d[k]};{% endfor %}".replace("]};", "]}};"), {"d": {"a": 1}}, "a=1;"),
    ("{% for k, v in d %}{{k}}={{v}};{% endfor %}", {"d": {"a": 1, "b": 2}}, "a=1;b=2;"),
    ("{% for r in rows %}{% for c in r.cells %}{{c}}{% endfor %};{% endfor %}",
     {"rows": [{"cells": [1, 2]}, {"cells": [3]}]}, "12;3;"),
    ("{% for x in xs if x > 1 %}{{x}}{% endfor %}", {"xs": [1, 2, 3]}, "23"),
    ("{% raw %}{{ name }}{% endraw %}", {}, "{{ name }}"),
    ("a {%- if true %} b{% endif %}", {}, "a b"),
]  # fmt: skip

FAILS: list[tuple[str, dict[str, object], type[TemplatingError], str]] = [
    ("{{name}}", {}, MissingVariablesError, "missing variables: name"),
    ("{{b}}{{a}}", {}, MissingVariablesError, "missing variables: a, b"),
    ("{{user.name}}", {"user": {}}, MissingVariablesError, "user.name"),
    ("{{name.upper}}", {"name": "x"}, MissingVariablesError, "name.upper"),
    ("{% for x in xs %}{{x.y}}{% endfor %}", {"xs": [{}]}, MissingVariablesError, "y"),
    ("{{xs[5]}}", {"xs": []}, MissingVariablesError, "5"),
    ("{% for x in n %}{% endfor %}", {"n": 3}, RenderError, "line 1: for cannot run over a int"),
    ("\n{% if n > 'a' %}{% endif %}", {"n": 3}, RenderError, "line 2: a int cannot be compared"),
    ("{{d|upper}}", {"d": {}}, RenderError, "applied to a dict"),
    ("{{x}}", {"x": {1}}, RenderError, "variables.x is not a JSON value but of type set"),
    ("{{x}}", {"x": float("nan")}, RenderError, "variables.x is not a finite number"),
    ("{{x}}", {"x": "\ud800"}, RenderError, "not valid Unicode"),
    ("{% if a %}", {}, TemplateSyntaxError, "line 1"),
    ("\n\n{{ a b }}", {}, TemplateSyntaxError, "text, line 3"),
    ("\n{{ a|nope }}", {}, TemplateSyntaxError, "text, line 2: the filter 'nope' is not allowed"),
    ("{{ a|upper(1) }}", {}, TemplateSyntaxError, "does not take these arguments"),
    ("{{ a is odd }}", {}, TemplateSyntaxError, "the test 'odd' is not allowed"),
    ("{% for k, v in d.items() %}{% endfor %}", {}, TemplateSyntaxError, "for key, value in"),
    ("{% with a=1 %}{% endwith %}", {}, TemplateSyntaxError, "the tag 'with' is not allowed"),
    ("{{ loop.index }}", {}, TemplateSyntaxError, "does not exist here"),
    ("{{ a:b }}", {}, TemplateSyntaxError, "line 1"),
]


@pytest.mark.parametrize(("source", "variables", "expected"), RENDERED)
def test_renders_as_the_table_says(
    source: str, variables: dict[str, object], expected: str
) -> None:
    compiled = compile_email(EmailContent("s", "h", source))
    assert compiled.render(variables).text == expected


@pytest.mark.parametrize(("source", "variables", "error", "message"), FAILS)
def test_fails_as_the_table_says(
    source: str, variables: dict[str, object], error: type[TemplatingError], message: str
) -> None:
    with pytest.raises(error) as caught:
        compile_email(EmailContent("s", "h", source)).render(variables)
    assert type(caught.value) is error
    assert message in str(caught.value)


def test_html_is_escaped_and_subject_and_text_are_not() -> None:
    compiled = compile_email(EmailContent("{{x}}", "<p title='{{x}}'>{{x|e}}</p>", "{{x}}"))
    rendered = compiled.render({"x": "<a&'\">"})
    assert rendered.subject == rendered.text == "<a&'\">"
    assert rendered.html == "<p title='&lt;a&amp;&#39;&#34;&gt;'>&lt;a&amp;&#39;&#34;&gt;</p>"
