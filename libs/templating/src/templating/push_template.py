"""A push message's sources, compiled together. None of it is HTML."""

from collections.abc import Mapping

from templating.content import PushContent, RenderedPush
from templating.errors import MissingVariablesError
from templating.header_text import single_line
from templating.part import CompiledPart
from templating.values import checked_variables, missing_variables
from templating.variable_names import optional_names, required_names


class CompiledPush:
    """A compiled push message; compile once per version and keep it."""

    def __init__(self, content: PushContent) -> None:
        """Compile all parts; raises TemplateSyntaxError for the first that is refused."""
        self._title = CompiledPart("title", content.title, html=False)
        self._body = CompiledPart("body", content.body, html=False)
        self._image = _optional_part("image", content.image)
        self._link = _optional_part("link", content.link)
        self._data = {
            key: CompiledPart(f"data.{key}", source, html=False)
            for key, source in content.data.items()
        }
        given = (self._title, self._body, self._image, self._link, *self._data.values())
        parts = [part for part in given if part is not None]
        self.required: tuple[str, ...] = required_names(parts)
        self.optional: tuple[str, ...] = optional_names(parts)

    def render(self, variables: Mapping[str, object]) -> RenderedPush:
        """Render all parts.

        Raises:
            MissingVariablesError: naming every required variable that is not there.
            RenderLimitError: a bound was reached.
            RenderError: a value does not fit.
        """
        if missing := missing_variables(self.required, variables):
            raise MissingVariablesError(missing)
        values = checked_variables(variables)
        return RenderedPush(
            title=single_line(self._title.render(values)),
            body=self._body.render(values),
            image=_address(self._image, values),
            link=_address(self._link, values),
            data={key: part.render(values) for key, part in self._data.items()},
        )


def compile_push(content: PushContent) -> CompiledPush:
    """Compile a push message's sources; raises TemplateSyntaxError."""
    return CompiledPush(content)


def _optional_part(name: str, source: str | None) -> CompiledPart | None:
    return None if source is None else CompiledPart(name, source, html=False)


def _address(part: CompiledPart | None, values: dict[str, object]) -> str | None:
    return None if part is None else single_line(part.render(values)) or None
