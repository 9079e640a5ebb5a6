"""What can be wrong with a template or its variables, as one small tree.

TemplatingError
├── TemplateSyntaxError      the source is not acceptable: part, line, reason
└── RenderError              the source is fine, this rendering is not
    ├── MissingVariablesError    required variables were not given: names
    └── RenderLimitError         a bound of `limits` was reached: reason
"""

from collections.abc import Iterable


class TemplatingError(Exception):
    """Everything this library raises on purpose; its text is fit for the template's author."""


class TemplateSyntaxError(TemplatingError):
    """A source was refused. `line` counts from 1 within the `part` (subject, html, text …)."""

    def __init__(self, part: str, line: int, reason: str) -> None:
        super().__init__(f"{part}, line {line}: {reason}")
        self.part = part
        self.line = line
        self.reason = reason


class RenderError(TemplatingError):
    """A value does not fit what the template does with it; repeating cannot help."""


class MissingVariablesError(RenderError):
    """The template needs variables that were not given; `names` are sorted, dotted if nested."""

    def __init__(self, names: Iterable[str]) -> None:
        self.names = tuple(sorted(names))
        super().__init__(f"missing variables: {', '.join(self.names)}")


class RenderLimitError(RenderError):
    """The rendering, or its variables, grew beyond a bound."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
