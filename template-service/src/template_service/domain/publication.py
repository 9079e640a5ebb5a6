"""How a template comes to be and how it changes: decisions over what is, without I/O."""

from dataclasses import dataclass, replace
from datetime import datetime

from contracts.notification import AmbiguousPolicy
from template_service.domain.content import PreparedContent
from template_service.domain.template import PublishedVersion, Template, TemplateAtVersion


@dataclass(frozen=True, slots=True)
class Attributes:
    """Of a template as a whole, as a change asks for them; None leaves what is."""

    name: str | None = None
    description: str | None = None
    category: str | None = None
    ambiguous: AmbiguousPolicy | None = None

    def applied_to(self, template: Template) -> Template:
        """The template with these attributes."""
        return replace(
            template,
            name=template.name if self.name is None else self.name,
            description=template.description if self.description is None else self.description,
            category=template.category if self.category is None else self.category,
            ambiguous=template.ambiguous if self.ambiguous is None else self.ambiguous,
        )


@dataclass(frozen=True, slots=True)
class Current:
    """What is stored, held still while a change to it is decided."""

    template: Template
    language: str
    """Of the change."""
    live: PublishedVersion | None
    """In that language."""
    latest_version: int
    """The highest number in that language; 0 if there is none."""


@dataclass(frozen=True, slots=True)
class Revision:
    """What is to be stored, and whether it differs from what is."""

    result: TemplateAtVersion
    is_new_version: bool
    is_changed: bool


def first_version(
    template: Template, prepared: PreparedContent, *, by: str, now: datetime
) -> TemplateAtVersion:
    """A new template, whose version 1 is live in its default language."""
    version = PublishedVersion(
        code=template.code,
        language=template.default_language,
        version=1,
        content=prepared.content,
        variables=prepared.variables,
        created_at=now,
        created_by=by,
    )
    live = {version.language: version.as_live()}
    return TemplateAtVersion(replace(template, live=live), version)


def revise(
    current: Current,
    prepared: PreparedContent,
    attributes: Attributes,
    *,
    by: str,
    now: datetime,
) -> Revision:
    """Publish content in a language; content that is live there already publishes nothing."""
    language = current.language
    template = attributes.applied_to(current.template)
    version = current.live
    is_new = version is None or version.content != prepared.content
    if version is None or is_new:
        version = PublishedVersion(
            code=template.code,
            language=language,
            version=current.latest_version + 1,
            content=prepared.content,
            variables=prepared.variables,
            created_at=now,
            created_by=by,
        )
        template = replace(template, live={**template.live, language: version.as_live()})
    is_changed = template != current.template
    if is_changed:
        template = replace(template, row_version=template.row_version + 1, updated_at=now)
    return Revision(TemplateAtVersion(template, version), is_new, is_changed)
