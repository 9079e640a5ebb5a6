"""Which content of a template a notification is rendered from, and whose language that is."""

from dataclasses import dataclass
from enum import StrEnum

from api_gateway.domain.languages import choose_language
from api_gateway.domain.request import NotificationRequest
from contracts.template_snapshot import LiveVersion, TemplateSnapshot
from contracts.user_snapshot import UserSnapshot


class LanguageSource(StrEnum):
    """Whose language it is that a notification is rendered in."""

    REQUESTED = "requested"
    USER = "user"
    TEMPLATE = "template"
    """Its default language: it has neither of the others."""


@dataclass(frozen=True)
class ChosenContent:
    """The content of a template that fits a request best."""

    language: str
    language_from: LanguageSource
    live: LiveVersion


def choose_content(
    user: UserSnapshot | None, template: TemplateSnapshot, request: NotificationRequest
) -> ChosenContent | None:
    """The content for the channel, in the first language of the caller, user, template it has."""
    channel = request.notification_type
    available = [tag for tag, live in template.languages.items() if channel in live.channels]
    wanted = (
        (LanguageSource.REQUESTED, request.language),
        (LanguageSource.USER, user.language if user else None),
        (LanguageSource.TEMPLATE, template.default_language),
    )
    for source, tag in wanted:
        language = choose_language((tag,), available) if tag else None
        if language is not None:
            return ChosenContent(language, source, template.languages[language])
    return None
