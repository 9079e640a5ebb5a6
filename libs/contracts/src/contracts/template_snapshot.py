"""What the gateway (to accept) and the workers (to render) need to know of a template.

Two models, because the gateway decides over all languages without any source text, and a worker
needs the sources of exactly one version.
"""

from pydantic import BaseModel, ConfigDict, Field

from contracts.notification import AmbiguousPolicy, NotificationType


class ChannelVariables(BaseModel):
    """Names of the variables that a channel's content uses."""

    model_config = ConfigDict(frozen=True)

    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


class LiveVersion(BaseModel):
    """The version that is live in one language, and the channels it has content for."""

    model_config = ConfigDict(frozen=True)

    version: int = Field(ge=1)
    channels: dict[NotificationType, ChannelVariables]


class TemplateSnapshot(BaseModel):
    """A template with its live versions, as of one row version; a higher one is newer."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "code": "welcome_email",
                "row_version": 4,
                "is_active": True,
                "category": "onboarding",
                "ambiguous": "resend",
                "default_language": "en",
                "languages": {
                    "en": {
                        "version": 3,
                        "channels": {"email": {"required": ["name"], "optional": []}},
                    }
                },
            }
        },
    )

    code: str
    row_version: int = Field(ge=1)
    is_active: bool
    category: str
    ambiguous: AmbiguousPolicy = AmbiguousPolicy.RESEND
    default_language: str
    languages: dict[str, LiveVersion]


class EmailSource(BaseModel):
    """The template sources of an email; `text` is always there, derived when not written."""

    model_config = ConfigDict(frozen=True)

    subject: str
    html: str
    text: str


class PushSource(BaseModel):
    """The template sources of a push."""

    model_config = ConfigDict(frozen=True)

    title: str
    body: str
    image: str | None = None
    link: str | None = None
    data: dict[str, str] = Field(default_factory=dict)


class TemplateVersion(BaseModel):
    """One immutable version of a template in one language."""

    model_config = ConfigDict(
        frozen=True,
        json_schema_extra={
            "example": {
                "code": "welcome_email",
                "language": "en",
                "version": 3,
                "email": {
                    "subject": "Welcome, {{name}}",
                    "html": "<p>Hello {{name}}</p>",
                    "text": "Hello {{name}}",
                },
                "push": None,
            }
        },
    )

    code: str
    language: str
    version: int = Field(ge=1)
    email: EmailSource | None = None
    push: PushSource | None = None
