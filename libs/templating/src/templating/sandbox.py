"""Jinja2 as we run it: lookups reach only keys and items, and each rendering has a work budget.

Jinja2's own sandbox stays underneath as a second line; the first is that no Python attribute
is ever looked up on a value.
"""

from typing import Any, Final

from jinja2 import Undefined
from jinja2.runtime import Context, LoopContext
from jinja2.sandbox import ImmutableSandboxedEnvironment

from templating import limits
from templating.errors import RenderLimitError
from templating.filters import filters_for
from templating.missing_value import MissingValue
from templating.operators import INTERNAL_FILTERS, TESTS
from templating.tokens import TemplateTokens

LOOP_ATTRIBUTES: Final = frozenset(
    {"index", "index0", "first", "last", "length", "revindex", "revindex0"}
)


class RenderContext(Context):
    """The variables of one rendering and the work that it may still do."""

    steps_left: int = limits.STEPS

    def charge(self, steps: int) -> None:
        """Take `steps` from the budget.

        Raises:
            RenderLimitError: the budget is used up.
        """
        self.steps_left -= steps
        if self.steps_left < 0:
            raise RenderLimitError("rendering takes too much work: loops over too many items")


class TemplateEnvironment(ImmutableSandboxedEnvironment):
    """Parses and compiles templates; `html` decides whether output is escaped."""

    context_class = RenderContext

    def __init__(self, *, html: bool) -> None:
        super().__init__(
            autoescape=html,
            undefined=MissingValue,
            keep_trailing_newline=True,
            finalize=printed,
            extensions=[TemplateTokens],
            cache_size=0,
        )
        self.globals.clear()
        self.filters = {**filters_for(html=html), **INTERNAL_FILTERS}
        self.tests = dict(TESTS)

    def getattr(self, obj: Any, attribute: str) -> Any:
        """`obj.attribute`: a key of a mapping, or a counter of the loop; never an attribute."""
        if type(obj) is dict:
            try:
                return obj[attribute]
            except KeyError:
                return MissingValue(name=attribute)
        if type(obj) is LoopContext and attribute in LOOP_ATTRIBUTES:
            return getattr(obj, attribute)
        return obj if isinstance(obj, Undefined) else MissingValue(name=attribute)

    def getitem(self, obj: Any, argument: Any) -> Any:
        """`obj[argument]`: a key of a mapping or a position in a list; nothing else."""
        kind = type(argument)
        if (type(obj) is dict and kind is str) or (type(obj) is list and kind is int):
            try:
                return obj[argument]
            except LookupError:
                return MissingValue(name=argument)
        return obj if isinstance(obj, Undefined) else MissingValue(name=argument)


def printed(value: object) -> object:
    """Print null as nothing: "Dear None" must reach nobody."""
    return "" if value is None else value
