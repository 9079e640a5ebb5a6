"""An email's sources, compiled together: one list of variables, one rendering."""

from collections.abc import Mapping

from templating.content import EmailContent, RenderedEmail
from templating.errors import MissingVariablesError
from templating.header_text import single_line
from templating.part import CompiledPart
from templating.values import checked_variables, missing_variables
from templating.variable_names import optional_names, required_names


class CompiledEmail:
    """A compiled email; compile once per version and keep it."""

    def __init__(self, content: EmailContent) -> None:
        """Compile all parts; raises TemplateSyntaxError for the first that is refused."""
        self._subject = CompiledPart("subject", content.subject, html=False)
        self._html = CompiledPart("html", content.html, html=True)
        self._text = (
            None if content.text is None else CompiledPart("text", content.text, html=False)
        )
        parts = [part for part in (self._subject, self._html, self._text) if part is not None]
        self.required: tuple[str, ...] = required_names(parts)
        self.optional: tuple[str, ...] = optional_names(parts)

    def render(self, variables: Mapping[str, object]) -> RenderedEmail:
        """Render all parts.

        Raises:
            MissingVariablesError: naming every required variable that is not there.
            RenderLimitError: a bound was reached.
            RenderError: a value does not fit.
        """
        if missing := missing_variables(self.required, variables):
            raise MissingVariablesError(missing)
        values = checked_variables(variables)
        return RenderedEmail(
            subject=single_line(self._subject.render(values)),
            html=self._html.render(values),
            text=None if self._text is None else self._text.render(values),
        )


def compile_email(content: EmailContent) -> CompiledEmail:
    """Compile an email's sources; raises TemplateSyntaxError."""
    return CompiledEmail(content)
