"""What an author writes per channel (sources) and what a recipient gets (rendered)."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class EmailContent:
    """Sources of an email. Without `text` the mail has no text part: derive it at publish."""

    subject: str
    html: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class PushContent:
    """Sources of a push message; the values of `data` are sources too, its keys are fixed."""

    title: str
    body: str
    image: str | None = None
    link: str | None = None
    data: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """An email ready to send; `subject` is one line without control characters."""

    subject: str
    html: str
    text: str | None


@dataclass(frozen=True, slots=True)
class RenderedPush:
    """A push message ready to send; an image or link that rendered to nothing is None."""

    title: str
    body: str
    image: str | None
    link: str | None
    data: Mapping[str, str]
