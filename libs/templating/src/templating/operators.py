"""Comparisons, loop input and tests as the compiled template calls them.

The compiler rewrites comparisons and `for` into calls of these (their names hold a space, which
no author can type), so that each is charged and a missing value is simply not equal, not less
and not contained.
"""

from collections.abc import Callable, Mapping
from operator import eq, ge, gt, le, lt, ne
from typing import Any, Final

from jinja2 import Undefined, pass_context
from jinja2.exceptions import TemplateRuntimeError

from templating import limits
from templating.errors import RenderLimitError
from templating.filters import size_of

COMPARISON: Final = "compared with"
LOOP_INPUT: Final = "loop input"

OPERATORS: Final[Mapping[str, Callable[[Any, Any], bool]]] = {
    "eq": eq,
    "ne": ne,
    "lt": lt,
    "lteq": le,
    "gt": gt,
    "gteq": ge,
    "in": lambda left, right: left in right,
    "notin": lambda left, right: left not in right,
}


@pass_context
def compare(context: Any, left: Any, operator: str, right: Any) -> bool:
    """Compare two values; what is missing equals nothing and is contained in nothing."""
    if isinstance(left, Undefined) or isinstance(right, Undefined):
        return operator in {"ne", "notin"}
    context.charge(1 + (size_of(left) + size_of(right)) // 32)
    if operator in {"in", "notin"} and right is None:
        return operator == "notin"
    try:
        return OPERATORS[operator](left, right)
    except TypeError as error:
        raise TemplateRuntimeError(
            f"a {type(left).__name__} cannot be compared with a {type(right).__name__}"
        ) from error


@pass_context
def loop_input(context: Any, value: Any, weight: int, pairs: bool) -> Any:
    """Return what a `for` runs over: a list, or a mapping's keys (key and value for `pairs`).

    `weight` is the number of syntax nodes that one round evaluates; it is charged here, for all
    rounds. Null is an empty list.
    """
    if isinstance(value, Undefined):
        iter(value)  # raises, with the name of what is missing
    if value is None:
        return []
    if not isinstance(value, list | dict):
        raise TemplateRuntimeError(f"for cannot run over a {type(value).__name__}")
    if len(value) > limits.LOOP_ITEMS:
        raise RenderLimitError(f"a loop has more than {limits.LOOP_ITEMS} items")
    context.charge((1 + len(value)) * weight)
    if isinstance(value, list):
        return value
    return list(value.items()) if pairs else list(value)


INTERNAL_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    COMPARISON: compare,
    LOOP_INPUT: loop_input,
}

TESTS: Final[Mapping[str, Callable[..., Any]]] = {
    "defined": lambda value: not isinstance(value, Undefined),
    "undefined": lambda value: isinstance(value, Undefined),
    "none": lambda value: value is None,
}
