"""Things to test with; everything that a test does not care about has a value."""

import itertools
import secrets
from datetime import UTC, datetime

from contracts.notification import AmbiguousPolicy
from template_service.domain.content import PreparedContent, TemplateContent, prepare_content
from template_service.domain.publication import first_version
from template_service.domain.template import Template, TemplateAtVersion
from templating import EmailContent, PushContent

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
_RUN = secrets.token_hex(4)
_numbers = itertools.count(1)


def unused_code() -> str:
    """A code that nothing else in this run, or in a run before on the same Redis, has."""
    return f"t_{_RUN}_{next(_numbers):04}"


def email(subject: str = "Hello {{name}}", html: str = "<p>Dear {{name}}</p>") -> EmailContent:
    return EmailContent(subject=subject, html=html)


def push(title: str = "Hello {{name}}") -> PushContent:
    return PushContent(title=title, body="Open {{link}}", link="{{link}}", data={"kind": "welcome"})


def prepared(subject: str = "Hello {{name}}") -> PreparedContent:
    return prepare_content(TemplateContent(email=email(subject), push=push()))


def new_template(
    code: str | None = None, *, subject: str = "Hello {{name}}", language: str = "en"
) -> TemplateAtVersion:
    template = Template(
        code=code or unused_code(),
        name="Welcome",
        description="Sent to new users.",
        category="onboarding",
        ambiguous=AmbiguousPolicy.RESEND,
        default_language=language,
        is_active=True,
        row_version=1,
        live={},
        created_at=NOW,
        updated_at=NOW,
    )
    return first_version(template, prepared(subject), by="application:test", now=NOW)
