"""Translates between rows and the domain."""

from dataclasses import asdict
from typing import Any

from sqlalchemy import RowMapping

from contracts.notification import AmbiguousPolicy, NotificationType
from contracts.template_snapshot import ChannelVariables, LiveVersion
from template_service.domain.content import TemplateContent
from template_service.domain.template import PublishedVersion, Template
from templating import EmailContent, PushContent


def template_of(row: RowMapping) -> Template:
    """A row of `templates` with a column `live`: `{language: {"version", "channels"}}`."""
    return Template(
        code=row["code"],
        name=row["name"],
        description=row["description"],
        category=row["category"],
        ambiguous=AmbiguousPolicy(row["ambiguous"]),
        default_language=row["default_language"],
        is_active=row["is_active"],
        row_version=row["row_version"],
        live={language: LiveVersion.model_validate(live) for language, live in row["live"].items()},
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


def template_values(template: Template) -> dict[str, Any]:
    """The columns of `templates`."""
    return {
        "code": template.code,
        "name": template.name,
        "description": template.description,
        "category": template.category,
        "ambiguous": template.ambiguous.value,
        "default_language": template.default_language,
        "is_active": template.is_active,
        "row_version": template.row_version,
        "created_at": template.created_at,
        "updated_at": template.updated_at,
    }


def version_of(row: RowMapping) -> PublishedVersion:
    """A row of `template_versions`."""
    return PublishedVersion(
        code=row["code"],
        language=row["language"],
        version=row["version"],
        content=TemplateContent(
            email=None if row["email"] is None else EmailContent(**row["email"]),
            push=None if row["push"] is None else PushContent(**row["push"]),
        ),
        variables={
            NotificationType(channel): ChannelVariables.model_validate(names)
            for channel, names in row["variables"].items()
        },
        created_at=row["created_at"],
        created_by=row["created_by"],
    )


def version_values(version: PublishedVersion) -> dict[str, Any]:
    """The columns of `template_versions`."""
    email, push = version.content.email, version.content.push
    return {
        "code": version.code,
        "language": version.language,
        "version": version.version,
        "email": None if email is None else asdict(email),
        "push": None if push is None else {**asdict(push), "data": dict(push.data)},
        "variables": {
            channel.value: names.model_dump(mode="json")
            for channel, names in version.variables.items()
        },
        "created_at": version.created_at,
        "created_by": version.created_by,
    }
