"""The filters that templates may use; docs for authors list exactly these.

None of them returns markup: HTML is escaped in one place only, where a value is printed. Each
charges the rendering by the length of its input, and passes a missing value on, so that
`name|trim|default("Guest")` does what it says.
"""

import math
from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Undefined, pass_context
from jinja2.exceptions import TemplateRuntimeError
from jinja2.filters import do_title
from markupsafe import escape

from templating import limits
from templating.errors import RenderLimitError
from templating.missing_value import MissingValue

ROUND_DIGITS: Final = 15


def filters_for(*, html: bool) -> dict[str, Callable[..., Any]]:
    """Return the filters by name. In HTML `escape` changes nothing, since output is escaped."""
    escaping = text_of if html else escape_text
    slow: dict[str, Callable[..., object]] = {"title": do_text_title, "urlencode": encode_url}
    quick: dict[str, Callable[..., object]] = {
        "upper": lambda value: text_of(value).upper(),
        "lower": lambda value: text_of(value).lower(),
        "capitalize": lambda value: text_of(value).capitalize(),
        "trim": trim,
        "truncate": truncate,
        "replace": replace,
        "join": join,
        "length": length,
        "first": first,
        "last": last,
        "round": round_number,
        "int": to_int,
        "float": to_float,
        "escape": escaping,
        "e": escaping,
    }
    return {
        "default": default,
        "d": default,
        **{name: _charged(apply, 32) for name, apply in quick.items()},
        **{name: _charged(apply, 4) for name, apply in slow.items()},
    }


def _charged(apply: Callable[..., object], characters_per_step: int) -> Callable[..., Any]:
    @pass_context
    @wraps(apply)
    def run(context: Any, value: object, *args: object, **kwargs: object) -> object:
        if isinstance(value, Undefined):
            return value
        for argument in (*args, *kwargs.values()):
            if isinstance(argument, Undefined):
                str(argument)  # raises, with the name of what is missing
        context.charge(1 + size_of(value) // characters_per_step)
        result = apply(value, *args, **kwargs)
        if type(result) is str:
            _check_length(len(result))
        return result

    return run


def size_of(value: object) -> int:
    """Return the characters of a text, or 32 for each item of a collection and its texts."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, list):
        return sum(32 + size_of(item) for item in value)
    if isinstance(value, dict):
        return sum(32 + size_of(item) for item in value.values())
    return 1


def text_of(value: object) -> str:
    """Return a scalar as text; null is empty."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, int | float):
        return str(value)
    raise TemplateRuntimeError(f"a filter for text was applied to a {type(value).__name__}")


def _whole(value: object, name: str) -> int:
    if type(value) is not int:
        raise TemplateRuntimeError(f"{name} must be a whole number")
    return value


def _check_length(characters: int) -> None:
    if characters > limits.VALUE_CHARACTERS:
        raise RenderLimitError(
            f"a filter made a text of more than {limits.VALUE_CHARACTERS} characters"
        )


def default(value: Any, default_value: Any = "", boolean: Any = False) -> Any:
    """Replace what is missing or null; with `boolean` also what is empty, zero or false."""
    if value is None or isinstance(value, Undefined) or (boolean and not value):
        return default_value
    return value


def escape_text(value: object) -> str:
    """Escape for HTML, in a part that is not HTML."""
    return str(escape(text_of(value)))


def do_text_title(value: object) -> str:
    """Start each word with a capital."""
    return do_title(text_of(value))


def encode_url(value: object) -> str:
    """Percent-encode as UTF-8, keeping `/`."""
    return quote(text_of(value))


def trim(value: object, chars: object = None) -> str:
    """Strip white space, or the characters given."""
    return text_of(value).strip(None if chars is None else text_of(chars))


def truncate(
    value: object,
    length: object = 255,
    killwords: object = False,
    end: object = "...",
    leeway: object = 5,
) -> str:
    """Cut to `length` characters at a word's end (in a word with `killwords`), `end` included."""
    text, tail = text_of(value), text_of(end)
    longest, tolerated = _whole(length, "the length"), _whole(leeway, "the leeway")
    if longest < len(tail) or tolerated < 0:
        raise TemplateRuntimeError("truncate: the length is shorter than its end mark")
    if len(text) <= longest + tolerated:
        return text
    kept = text[: longest - len(tail)]
    return (kept if killwords else kept.rsplit(" ", 1)[0]) + tail


def replace(value: object, old: object, new: object, count: object = -1) -> str:
    """Replace `old` by `new`, at most `count` times; the result is measured before it is made."""
    text, search, other = text_of(value), text_of(old), text_of(new)
    wanted, found = _whole(count, "the count"), text.count(search)
    times = found if wanted < 0 else min(found, wanted)
    _check_length(len(text) + times * (len(other) - len(search)))
    return text.replace(search, other, wanted)


def join(value: object, separator: object = "") -> str:
    """Join the items of a list by a separator."""
    if not isinstance(value, list):
        raise TemplateRuntimeError("join needs a list")
    texts, between = [text_of(item) for item in value], text_of(separator)
    _check_length(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def length(value: object) -> int:
    """Count characters, items or keys."""
    if not isinstance(value, str | list | dict):
        raise TemplateRuntimeError("length needs a text, a list or a mapping")
    return len(value)


def first(value: object) -> object:
    """Return the first item or character; missing where there is none."""
    return _at(value, 0, "first")


def last(value: object) -> object:
    """Return the last item or character; missing where there is none."""
    return _at(value, -1, "last")


def _at(value: object, position: int, name: str) -> object:
    if not isinstance(value, str | list):
        raise TemplateRuntimeError(f"{name} needs a list or a text")
    return value[position] if value else MissingValue(name=f"{name} item")


def round_number(value: object, precision: object = 0, method: object = "common") -> float:
    """Round to `precision` digits: method `common`, `ceil` or `floor`. Always a float."""
    rounding: Mapping[object, Callable[[float], float]] = {"ceil": math.ceil, "floor": math.floor}
    digits = _whole(precision, "the precision")
    if not isinstance(value, int | float) or not 0 <= digits <= ROUND_DIGITS:
        raise TemplateRuntimeError(f"round needs a number, and 0 to {ROUND_DIGITS} digits")
    if method == "common":
        return round(float(value), digits)
    if method not in rounding:
        raise TemplateRuntimeError("round: the method is common, ceil or floor")
    scale = 10.0**digits
    return float(rounding[method](value * scale)) / scale


def to_int(value: object, default: object = 0) -> object:
    """Return a whole number, cut towards zero; `default` where the text is none."""
    number = to_float(value, None)
    exact = text_of(value).strip().removeprefix("-")
    if len(exact) <= ROUND_DIGITS + 4 and exact.isdecimal():
        return int(text_of(value))
    return int(number) if isinstance(number, float) else default


def to_float(value: object, default: object = 0.0) -> object:
    """Return a number; `default` where the text is none or it is not finite."""
    text = text_of(value)
    try:
        number = float(text) if len(text) <= limits.LITERAL_CHARACTERS else math.nan
    except ValueError:
        return default
    return number if math.isfinite(number) else default
