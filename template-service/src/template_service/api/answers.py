"""What answers say of templates, in the names that clients of either tradition expect."""

from datetime import datetime
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from contracts.notification import AmbiguousPolicy, NotificationType
from contracts.template_snapshot import (
    ChannelVariables,
    EmailSource,
    PushSource,
    TemplateVersion,
)
from template_service.api.examples import TEMPLATE
from template_service.domain.template import PublishedVersion, TemplateAtVersion
from templating import EmailContent, PushContent


class EmailAnswer(BaseModel):
    """Sources of an email; `content` is the same as `body`."""

    subject: str
    body: str
    content: str
    text: str

    @classmethod
    def of(cls, email: EmailContent) -> Self:
        """From the domain."""
        return cls(
            subject=email.subject, body=email.html, content=email.html, text=email.text or ""
        )


class TemplateAnswer(BaseModel):
    """A template with one of its versions."""

    model_config = ConfigDict(json_schema_extra={"example": TEMPLATE})

    code: str
    template_code: str
    name: str
    description: str
    category: str
    ambiguous: AmbiguousPolicy
    language: str
    default_language: str
    version: int
    is_active: bool
    email: EmailAnswer | None
    push: PushSource | None
    subject: str | None = Field(description="Of the email.")
    title: str | None = Field(description="Of the push.")
    body: str | None = Field(description="Of the email if there is one, else of the push.")
    content: str | None = Field(description="The same as `body`.")
    variables: dict[NotificationType, ChannelVariables]
    languages: dict[str, int] = Field(description="The live version in each language.")
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, seen: TemplateAtVersion) -> Self:
        """From the domain."""
        template, version = seen.template, seen.version
        email, push = version.content.email, version.content.push
        body = email.html if email else push.body if push else None
        return cls(
            code=template.code,
            template_code=template.code,
            name=template.name,
            description=template.description,
            category=template.category,
            ambiguous=template.ambiguous,
            language=version.language,
            default_language=template.default_language,
            version=version.version,
            is_active=template.is_active,
            email=EmailAnswer.of(email) if email else None,
            push=push_source(push) if push else None,
            subject=email.subject if email else None,
            title=push.title if push else None,
            body=body,
            content=body,
            variables=dict(version.variables),
            languages={language: live.version for language, live in template.live.items()},
            created_at=template.created_at,
            updated_at=template.updated_at,
        )


def version_answer(version: PublishedVersion) -> TemplateVersion:
    """A version as workers read it."""
    email, push = version.content.email, version.content.push
    return TemplateVersion(
        code=version.code,
        language=version.language,
        version=version.version,
        email=EmailSource(subject=email.subject, html=email.html, text=email.text or "")
        if email
        else None,
        push=push_source(push) if push else None,
    )


def push_source(push: PushContent) -> PushSource:
    """Sources of a push, in the shape of the contract."""
    return PushSource(
        title=push.title,
        body=push.body,
        image=push.image,
        link=push.link,
        data=dict(push.data),
    )
