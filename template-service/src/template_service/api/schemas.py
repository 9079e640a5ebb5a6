"""Bodies of requests: what is checked before anything else sees it.

An email may also be written flat, `subject` and `body` beside `code`; it is moved into `email`
before validation, so that there is one form from there on, also in error messages.
"""

from typing import Annotated, Any, Final

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
    model_validator,
)
from pydantic.config import JsonDict
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from contracts.notification import AmbiguousPolicy
from contracts.template_code import TEMPLATE_CODE
from servicekit.text_types import NO_NUL, Language, Name

_FLAT: Final = "Of the email, where `email` is left out."
_FLAT_EMAIL: Final = ("subject", "body", "content", "text")
_EMAIL_EXAMPLE: Final[JsonDict] = {"subject": "Welcome, {{name}}", "body": "<p>Hello {{name}}</p>"}


Description = Annotated[str, StringConstraints(max_length=2_000), NO_NUL]
Category = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,50}$")]

Line = Annotated[str, StringConstraints(min_length=1, max_length=1_000), NO_NUL]
PushText = Annotated[str, StringConstraints(min_length=1, max_length=4_000), NO_NUL]
Address = Annotated[str, StringConstraints(min_length=1, max_length=2_000), NO_NUL]
MailText = Annotated[str, StringConstraints(min_length=1, max_length=200_000), NO_NUL]
DataKey = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.\-]{1,100}$")]
DataValue = Annotated[str, StringConstraints(max_length=1_000), NO_NUL]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class EmailBody(_Body):
    """Sources of an email. Without `text` the alternative is derived from the HTML."""

    subject: Line
    body: MailText = Field(
        validation_alias=AliasChoices("body", "content"), description="HTML; or as `content`."
    )
    text: MailText | None = None


class PushBody(_Body):
    """Sources of a push; the values of `data` are sources too."""

    title: Line
    body: PushText
    image: Address | None = None
    link: Address | None = None
    data: Annotated[dict[DataKey, DataValue], Field(max_length=50)] = Field(default_factory=dict)


class _Content(_Body):
    email: EmailBody | None = None
    push: PushBody | None = None

    @model_validator(mode="before")
    @classmethod
    def _gather_flat_email(cls, data: Any) -> Any:
        if not isinstance(data, dict) or data.get("email") is not None:
            return data  # flat fields beside `email` stay where they are, and are refused
        flat = {name: data[name] for name in _FLAT_EMAIL if name in data}
        if not flat:
            return data
        rest = {name: value for name, value in data.items() if name not in flat}
        return {**rest, "email": flat}

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """The flat form too, which no field stands for."""
        document = handler(schema)
        flat = {name: {"type": "string", "description": _FLAT} for name in _FLAT_EMAIL}
        handler.resolve_ref_schema(document)["properties"].update(flat)
        return document


class CreateTemplateBody(_Content):
    """A template that is to be; without `name` its code is its name."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {"code": "welcome_email", "email": _EMAIL_EXAMPLE},
                {"code": "welcome_email", **_EMAIL_EXAMPLE},
            ]
        }
    )

    code: Annotated[str, StringConstraints(pattern=TEMPLATE_CODE)] = Field(
        validation_alias=AliasChoices("code", "template_code"), description="Or `template_code`."
    )
    name: Name | None = None
    description: Description = ""
    category: Category = "general"
    ambiguous: AmbiguousPolicy = AmbiguousPolicy.RESEND
    language: Language = "en"


class PublishVersionBody(_Content):
    """Content that replaces what is live in a language; attributes left out stay as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"email": _EMAIL_EXAMPLE}]})

    language: Language | None = None
    name: Name | None = None
    description: Description | None = None
    category: Category | None = None
    ambiguous: AmbiguousPolicy | None = None
