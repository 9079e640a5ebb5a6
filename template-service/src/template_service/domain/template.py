"""A template, its immutable versions, and what the rest of the system is told of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from contracts.notification import AmbiguousPolicy
from contracts.template_snapshot import LiveVersion, TemplateSnapshot
from template_service.domain.content import TemplateContent, VariablesByChannel


@dataclass(frozen=True, slots=True)
class Template:
    """A template as of one row version, which grows with each change; times are UTC."""

    code: str
    name: str
    description: str
    category: str
    ambiguous: AmbiguousPolicy
    default_language: str
    is_active: bool
    row_version: int
    live: Mapping[str, LiveVersion]
    """By language; the default language is always among them."""
    created_at: datetime
    updated_at: datetime

    def snapshot(self) -> TemplateSnapshot:
        """What the gateway needs to know to accept a notification."""
        return TemplateSnapshot(
            code=self.code,
            row_version=self.row_version,
            is_active=self.is_active,
            category=self.category,
            ambiguous=self.ambiguous,
            default_language=self.default_language,
            languages=dict(self.live),
        )


@dataclass(frozen=True, slots=True)
class PublishedVersion:
    """One immutable version; versions are numbered from 1 within a code and a language."""

    code: str
    language: str
    version: int
    content: TemplateContent
    variables: VariablesByChannel
    created_at: datetime
    created_by: str
    """`Principal.caller_id` of who published it."""

    def as_live(self) -> LiveVersion:
        """The same without its sources."""
        return LiveVersion(version=self.version, channels=dict(self.variables))


@dataclass(frozen=True, slots=True)
class TemplateAtVersion:
    """A template seen with one of its versions, live or not."""

    template: Template
    version: PublishedVersion
