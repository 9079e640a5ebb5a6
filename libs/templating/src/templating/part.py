"""One source (a subject, an HTML body …) from text to a compiled part, and its rendering.

Parse, check against the allow-list, derive the variables, meter the work, compile: in this
order, so that each step sees only what the one before has let through.
"""

from collections.abc import Iterable
from functools import cache
from types import TracebackType
from typing import Final

import jinja2
from jinja2 import nodes

from templating import limits
from templating.allowed_syntax import check_syntax
from templating.bounded_tree import bound_work
from templating.errors import (
    MissingVariablesError,
    RenderError,
    RenderLimitError,
    TemplateSyntaxError,
)
from templating.sandbox import RenderContext, TemplateEnvironment
from templating.variables import VariableUse, variable_use

CODE_NAME: Final = "<notification template>"


@cache
def environment_for(*, html: bool) -> TemplateEnvironment:
    """Return the shared environment; it is never changed after it was built."""
    return TemplateEnvironment(html=html)


def parse_part(name: str, source: str, *, html: bool) -> nodes.Template:
    """Parse and check a source.

    Raises:
        TemplateSyntaxError: with `name` as its part, the line and the reason.
    """
    try:
        size = len(source.encode())
    except UnicodeEncodeError as error:
        line = source.count("\n", 0, error.start) + 1
        raise TemplateSyntaxError(name, line, "the text is not valid Unicode") from error
    if size > limits.SOURCE_BYTES:
        raise TemplateSyntaxError(name, 1, f"the text is over {limits.SOURCE_BYTES // 1024} KiB")
    environment = environment_for(html=html)
    try:
        tree = environment.parse(source)
        check_syntax(tree, environment)
    except jinja2.TemplateSyntaxError as error:
        raise TemplateSyntaxError(name, error.lineno, error.message or "not readable") from error
    return tree


class CompiledPart:
    """A compiled source. Immutable; safe to render from several threads."""

    def __init__(self, name: str, source: str, *, html: bool) -> None:
        """Compile `source`.

        Raises:
            TemplateSyntaxError: the source is not acceptable.
        """
        tree = parse_part(name, source, html=html)
        self.name = name
        self.use: VariableUse = variable_use(tree)
        bound_work(tree)
        self._environment = environment_for(html=html)
        code = self._environment.compile(tree, name=name, filename=CODE_NAME)
        self._template = jinja2.Template.from_code(self._environment, code, {})
        self._root = self._template.root_render_func

    def render(self, variables: dict[str, object]) -> str:
        """Render with variables that `checked_variables` has let through.

        Raises:
            MissingVariablesError, RenderLimitError, RenderError: see `errors`.
        """
        context = RenderContext(self._environment, variables, self.name, {})
        chunks: list[str] = []
        room = limits.OUTPUT_BYTES
        try:
            for chunk in self._root(context):
                room -= len(chunk)
                if room < 0:
                    raise self._output_limit()
                chunks.append(chunk)
            rendered = "".join(chunks)
            if not rendered.isascii() and len(rendered.encode()) > limits.OUTPUT_BYTES:
                raise self._output_limit()
        except RenderLimitError as error:
            raise RenderLimitError(self._located(error)) from error
        except jinja2.UndefinedError as error:
            raise MissingVariablesError(self._missing_paths(str(error), variables)) from error
        except UnicodeEncodeError as error:
            raise RenderError(f"{self.name}: a value is not valid Unicode text") from error
        except (jinja2.TemplateRuntimeError, ArithmeticError, TypeError, ValueError) as error:
            raise RenderError(self._located(error)) from error
        return rendered

    def _output_limit(self) -> RenderLimitError:
        return RenderLimitError(f"the result is over {limits.OUTPUT_BYTES // 1024} KiB")

    def _located(self, error: Exception) -> str:
        line = None
        at: TracebackType | None = error.__traceback__
        while at is not None:
            if at.tb_frame.f_code.co_filename == CODE_NAME:
                line = self._template.get_corresponding_lineno(at.tb_lineno)
            at = at.tb_next
        return f"{self.name}{'' if line is None else f', line {line}'}: {error}"

    def _missing_paths(self, name: str, variables: dict[str, object]) -> Iterable[str]:
        """Find the dotted names behind a failed lookup of `name`; the bare name if in a loop."""
        paths = {
            ".".join(path)
            for path in self.use.paths
            if name in path and _is_missing(path, variables)
        }
        return paths or {name}


def _is_missing(path: tuple[str, ...], variables: dict[str, object]) -> bool:
    at: object = variables
    for key in path:
        if not isinstance(at, dict) or key not in at:
            return True
        at = at[key]
    return False
