"""A version's content on one channel, compiled, and what it is rendered to."""

from collections.abc import Mapping
from typing import Any

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from template_service.domain.content import TemplateContent
from templating import (
    CompiledEmail,
    CompiledPush,
    RenderedEmail,
    RenderedPush,
    TemplatingError,
    compile_email,
    compile_push,
)

Compiled = CompiledEmail | CompiledPush


def compile_channel(content: TemplateContent, channel: NotificationType) -> Compiled | None:
    """Compile a channel's content; None: there is none.

    Takes up to some hundred milliseconds of computing for the largest templates.

    Raises:
        TemplateSyntaxError: The renderer has become stricter since it was published.
    """
    match channel:
        case NotificationType.EMAIL:
            return compile_email(content.email) if content.email else None
        case NotificationType.PUSH:
            return compile_push(content.push) if content.push else None


def render_headline(compiled: Compiled, variables: Mapping[str, Any]) -> RenderedHeadline:
    """Render all parts, so that a problem in any of them is found; up to a second of computing."""
    try:
        rendered = compiled.render(variables)
    except TemplatingError as error:
        return problem_of(error)
    match rendered:
        case RenderedEmail():
            return RenderedHeadline(headline=rendered.subject)
        case RenderedPush():
            return RenderedHeadline(headline=rendered.title)


def problem_of(error: TemplatingError) -> RenderedHeadline:
    """What the renderer says; half a surrogate pair in the name of a variable is shown as `?`."""
    return RenderedHeadline(problem=str(error).encode(errors="replace").decode())
