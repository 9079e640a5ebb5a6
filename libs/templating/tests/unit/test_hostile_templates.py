"""Templates that attack: each is refused, or ends within a second and with little memory."""

import resource
import time
from collections.abc import Mapping

import pytest

from templating import EmailContent, PushContent, TemplatingError, compile_email, compile_push

KIB = 1024
LONG = "x" * 200 * KIB
THOUSAND: list[object] = list(range(1000))
GRID = {"xs": THOUSAND, "ys": THOUSAND, "s": "ab" * 50_000, "rows": [[1] * 900] * 10}

REFUSED = {
    "class": "{{ ''.__class__ }}",
    "class by item": "{{ x['__class__'] }}",
    "mro": "{{ x.__class__.__mro__[1].__subclasses__() }}",
    "underscore name": "{{ _x }}",
    "self": "{{ self }}",
    "self dict": "{{ self.__dict__ }}",
    "super": "{{ super() }}",
    "loop object": "{% for x in xs %}{{ loop }}{% endfor %}",
    "loop call": "{% for x in xs %}{{ loop(x) }}{% endfor %}",
    "loop cycle": "{% for x in xs %}{{ loop.cycle('a') }}{% endfor %}",
    "loop previtem": "{% for x in xs %}{{ loop.previtem }}{% endfor %}",
    "loop outside": "{% for x in xs %}{% else %}{{ loop.index }}{% endfor %}",
    "recursive loop": "{% for x in xs recursive %}{% endfor %}",
    "method": "{{ x.upper() }}",
    "format": "{{ '{0.__class__}'.format(x) }}",
    "format filter": "{{ '%s'|format(x) }}",
    "attr filter": "{{ x|attr('__class__') }}",
    "map filter": "{{ xs|map(attribute='__class__') }}",
    "safe": "{{ x|safe }}",
    "tojson": "{{ x|tojson }}",
    "xmlattr": "{{ x|xmlattr }}",
    "center": "{{ x|center(100000000) }}",
    "range": "{% for i in range(100000) %}{% endfor %}",
    "lipsum": "{{ lipsum(100) }}",
    "cycler": "{{ cycler.__init__.__globals__ }}",
    "namespace": "{% set n = namespace(a=1) %}",
    "set": "{% set a = 1 %}",
    "macro": "{% macro m() %}{{ m() }}{% endmacro %}",
    "call": "{% call x() %}{% endcall %}",
    "filter block": "{% filter upper %}x{% endfilter %}",
    "include": "{% include '/etc/passwd' %}",
    "import": "{% import 'os' as os %}",
    "from": "{% from 'os' import system %}",
    "extends": "{% extends 'x' %}",
    "block": "{% block a %}{% endblock %}",
    "autoescape": "{% autoescape false %}{% endautoescape %}",
    "do": "{% do x.append(1) %}",
    "debug": "{% debug %}",
    "multiply": "{{ 'a' * 50000000 }}",
    "power": "{{ 9 ** 9 ** 9 }}",
    "percent": "{{ '%0999999999d' % 1 }}",
    "concat": "{{ x ~ x }}",
    "add": "{{ x + x }}",
    "dict": "{{ {'a': 1} }}",
    "slice": "{{ x[::-1] }}",
    "star": "{{ x|replace(*xs) }}",
    "double star": "{{ x|default(**d) }}",
    "negated name": "{{ -x }}",
    "chained comparison": "{{ 1 < x < 3 }}",
    "three loops": "{% for a in xs %}" * 3 + "{% endfor %}" * 3,
    "nine blocks": "{% if a %}" * 9 + "{% endif %}" * 9,
    "open blocks": "{% if a %}" * 20_000,
    "brackets": "{{ " + "(" * 50_000,
    "lists": "{{ " + "[" * 50_000 + "]" * 50_000 + " }}",
    "nots": "{{ " + "not " * 40_000 + "x }}",
    "filters in a row": "{{ x" + "|upper" * 30_000 + " }}",
    "attributes in a row": "{{ x" + ".a" * 60 + " }}",
    "ternaries": "{{ " + "a if b else " * 20_000 + "c }}",
    "ors": "{{ " + "a or " * 60 + "a }}",
    "elifs": "{% if a %}" + "{% elif a %}" * 1000 + "{% endif %}",
    "many tags": "{{a}}" * 50_000,
    "many digits": "{{ " + "9" * 5_000 + " }}",
    "hundred digits": "{{ " + "9" * 100 + " }}",
    "infinite float": "{{ 1e999 }}",
    "long literal": "{{ '" + LONG + "' }}",
    "long list": "{{ [" + "1," * 60 + "] }}",
    "nested lists": "{{ [[[[1]]]] }}",
    "over the size": "x" * 257 * KIB,
    "surrogate": "\ud800",
    "open comment": "{#" * 100_000,
    "open raw": "{% raw %}" * 20_000,
    "django pile": "{{ x" + "|default:" * 20_000 + " }}",
    "unpacking": "{% for (a, (b, c)) in xs %}{% endfor %}",
    "target loop": "{% for loop in xs %}{% endfor %}",
    "target attribute": "{% for x.y in xs %}{% endfor %}",
}

WORK, SIZE, LONG_VALUE = "too much work", "over 1024 KiB", "a filter made a text of more than"
FOR_A, END = "{% for a in xs %}", "{% endfor %}"
FOR_B = "{% for b in ys %}"

ENDED: list[tuple[str, Mapping[str, object], str]] = [
    ("{{ x.upper }}", {"x": "a"}, "missing variables: x.upper"),
    ("{{ d.items }}", {"d": {}}, "missing variables: d.items"),
    ("{{ d[k] }}", {"d": {}, "k": "__class__"}, "missing variables: __class__"),
    ("{{ x[k] }}", {"x": "a", "k": "format"}, "missing variables: format"),
    ("{{ xs[k] }}", {"xs": [], "k": "append"}, "missing variables: append"),
    (FOR_A + FOR_B + "{% if a == b %}{% endif %}" + END * 2, GRID, WORK),
    (FOR_A + FOR_B + "x" + END * 2, GRID, WORK),
    (FOR_A + "{% if a %}{% endif %}" * 2000 + END, GRID, WORK),
    (FOR_A + "{{ s }}" + END, GRID, SIZE),
    ("{{ s }}" * 20, {"s": "&" * 100_000}, SIZE),
    ("{{ s" + "|replace('a', 'aa')" * 16 + " }}", GRID, LONG_VALUE),
    (FOR_A + "{% if s|replace('a', 'b') %}{% endif %}" + END, GRID, WORK),
    ("{{ s|replace('', s) }}", GRID, LONG_VALUE),
    (FOR_A + "{% if s|title %}{% endif %}" + END, GRID, WORK),
    (FOR_A + "{% if s|urlencode %}{% endif %}" + END, GRID, WORK),
    ("{{ xs|join(s) }}", GRID, LONG_VALUE),
    (FOR_A + FOR_B + "{% if b in ys %}{% endif %}" + END * 2, GRID, WORK),
    (FOR_A + "{% if 'ba!' in s %}{% endif %}" + END, GRID, WORK),
    (FOR_A + "{% if rows == rows %}{% endif %}" + END, GRID, WORK),
    ("{{ 1.5|round(999999999) }}", {}, "0 to 15 digits"),
    ("{{ 1.5|round(400, 'ceil') }}", {}, "0 to 15 digits"),
    ("{{ s|truncate(999999999999) }}" * 20, GRID, SIZE),
    ("{% for c in s %}{{ c }}{% endfor %}", GRID, "for cannot run over a str"),
    ("{% for c in many %}{% endfor %}", {"many": [0] * 1001}, "more than 1000 items"),
    ("{{ n }}", {"n": 10**4000}, "larger than a 64-bit number"),
    ("{{ n }}", {"n": "x" * 2**20}, "the variables hold more than"),
    ("{{ n }}", {"n": [0] * 30_000}, "the variables hold more than"),
    ("{{ n }}" * 20, {"n": "\u00fc" * 100_000}, SIZE),
]


def deep(levels: int) -> object:
    value: object = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize("name", REFUSED)
def test_refuses_a_hostile_template(name: str) -> None:
    with Bounded(), pytest.raises(TemplatingError) as caught:
        compile_email(EmailContent("s", REFUSED[name], None))
    assert "line" in str(caught.value)
    assert len(str(caught.value)) < 300
    assert_next_rendering_is_unharmed()


@pytest.mark.parametrize(("source", "variables", "message"), ENDED)
def test_ends_a_hostile_rendering(
    source: str, variables: Mapping[str, object], message: str
) -> None:
    compiled = compile_email(EmailContent("s", source, None))
    with Bounded(), pytest.raises(TemplatingError) as caught:
        compiled.render(variables)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300
    assert_next_rendering_is_unharmed()


def test_refuses_variables_that_are_too_deep() -> None:
    compiled = compile_email(EmailContent("s", "{{ x }}", None))
    with Bounded(), pytest.raises(TemplatingError, match="deep"):
        compiled.render({"x": deep(5000)})
    assert compiled.render({"x": deep(9)}).html == "[" * 9 + "1" + "]" * 9


def test_refuses_values_that_only_look_like_json() -> None:
    class Sly(str):
        __slots__ = ()

        def __html__(self) -> str:
            return "<script>"

    compiled = compile_email(EmailContent("s", "{{ x }}", None))
    with pytest.raises(TemplatingError, match="of type Sly"):
        compiled.render({"x": Sly("a")})


class Bounded:
    """Asserts that its block takes under a second and adds under 50 MB to the process."""

    def __enter__(self) -> None:
        self._before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        self._started = time.perf_counter()

    def __exit__(self, *_: object) -> None:
        assert time.perf_counter() - self._started < 1
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - self._before < 50 * KIB


def assert_next_rendering_is_unharmed() -> None:
    compiled = compile_push(PushContent("{{ a|upper }}", "{% for x in xs %}{{ x }}{% endfor %}"))
    rendered = compiled.render({"a": "b", "xs": [1, 2]})
    assert (rendered.title, rendered.body) == ("B", "12")
