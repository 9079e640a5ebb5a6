"""What a version says on each channel, and the check that makes it fit to publish."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from contracts.envelope import ErrorDetail
from contracts.notification import NotificationType
from contracts.template_snapshot import ChannelVariables
from template_service.domain.errors import InvalidContentError
from templating import (
    CompiledEmail,
    CompiledPush,
    EmailContent,
    PushContent,
    TemplateSyntaxError,
    compile_email,
    compile_push,
    derive_text,
)

VariablesByChannel = Mapping[NotificationType, ChannelVariables]

_FIELD_OF_PART: Final = {"html": "body"}
"""The renderer's name of a part where the API has another."""


@dataclass(frozen=True, slots=True)
class TemplateContent:
    """Template sources by channel; at least one is there."""

    email: EmailContent | None = None
    push: PushContent | None = None


@dataclass(frozen=True, slots=True)
class PreparedContent:
    """Content that compiles, with its text alternative and the variables it uses."""

    content: TemplateContent
    variables: VariablesByChannel


def prepare_content(content: TemplateContent) -> PreparedContent:
    """Compile each channel, derive the text alternative where none was written.

    Takes up to some hundred milliseconds of computing for the largest templates.

    Raises:
        InvalidContentError: Names the first refused part of each channel.
    """
    problems: list[ErrorDetail] = []
    variables: dict[NotificationType, ChannelVariables] = {}
    email, push = content.email, content.push
    if email is not None:
        try:
            email, variables[NotificationType.EMAIL] = _prepare_email(email)
        except TemplateSyntaxError as error:
            problems.append(_detail(NotificationType.EMAIL, error))
    if push is not None:
        try:
            variables[NotificationType.PUSH] = _names_of(compile_push(push))
        except TemplateSyntaxError as error:
            problems.append(_detail(NotificationType.PUSH, error))
    if problems:
        raise InvalidContentError(problems)
    return PreparedContent(TemplateContent(email, push), variables)


def _prepare_email(email: EmailContent) -> tuple[EmailContent, ChannelVariables]:
    if email.text is None:
        email = replace(email, text=derive_text(email.html))
    return email, _names_of(compile_email(email))


def _names_of(compiled: CompiledEmail | CompiledPush) -> ChannelVariables:
    return ChannelVariables(required=compiled.required, optional=compiled.optional)


def _detail(channel: NotificationType, error: TemplateSyntaxError) -> ErrorDetail:
    part = _FIELD_OF_PART.get(error.part, error.part)
    return ErrorDetail(
        field=f"{channel.value}.{part}",
        code="template_syntax",
        message=f"line {error.line}: {error.reason}",
    )
