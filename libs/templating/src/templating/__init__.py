"""The one renderer: syntax, sandbox, variables, text alternative.

Pure: no I/O, no clock. A template is compiled once (`compile_email`, `compile_push`) and then
rendered any number of times.

Authors may write: `{{ name }}`, `{{ user.name }}`, `{{ rows[0] }}`, `{{ name|default("Guest") }}`
or Django's `{{ name|default:"Guest" }}`; `if/elif/else`; `for x in rows` and `for key, value in
mapping` with `loop.index/first/last/length`; `and/or/not`, `== != < <= > >= in`, `is defined`,
`is undefined`, `is none`, `x if y else z`, comments and `raw`. Filters: capitalize, default (d),
escape (e), first, float, int, join, last, length, lower, replace, round, title, trim, truncate,
upper, urlencode. Anything else is refused; the bounds are in `limits`.
"""

from templating.content import EmailContent, PushContent, RenderedEmail, RenderedPush
from templating.derive_text import derive_text
from templating.email_template import CompiledEmail, compile_email
from templating.errors import (
    MissingVariablesError,
    RenderError,
    RenderLimitError,
    TemplateSyntaxError,
    TemplatingError,
)
from templating.push_template import CompiledPush, compile_push
from templating.values import missing_variables

__all__ = [
    "CompiledEmail",
    "CompiledPush",
    "EmailContent",
    "MissingVariablesError",
    "PushContent",
    "RenderError",
    "RenderLimitError",
    "RenderedEmail",
    "RenderedPush",
    "TemplateSyntaxError",
    "TemplatingError",
    "compile_email",
    "compile_push",
    "derive_text",
    "missing_variables",
]
