"""The body of `POST /v3/mail/send`, as strict as its documentation.

Fields and limits: https://www.twilio.com/docs/sendgrid/api-reference/mail-send/mail-send and
…/mail-send/limitations. What the sandbox has no use for is checked and then passed over.
"""

import re
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Base64Bytes, BaseModel, ConfigDict, Field

_ATOM: Final = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_ADDRESS: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})+")
_HEADER_NAME: Final = re.compile(r"[!-9;-~]+")
_HEADER_VALUE: Final = re.compile(r"[^\r\n\0]*")
_RESERVED: Final = frozenset(
    {
        "x-sg-id",
        "x-sg-eid",
        "received",
        "dkim-signature",
        "content-type",
        "content-transfer-encoding",
        "to",
        "from",
        "subject",
        "reply-to",
        "cc",
        "bcc",
    }
)


def _check_address(value: str) -> str:
    if len(value) > 254 or not _ADDRESS.fullmatch(value):
        raise ValueError("Does not contain a valid address.")
    return value


def _check_name(value: str) -> str:
    if ";" in value or "," in value:
        raise ValueError("The name cannot include either the ; or , characters.")
    return value


def _check_headers(value: dict[str, str]) -> dict[str, str]:
    for name, text in value.items():
        if name.lower() in _RESERVED:
            raise ValueError(f"The header {name} is reserved and cannot be used.")
        if not _HEADER_NAME.fullmatch(name) or not _HEADER_VALUE.fullmatch(text):
            raise ValueError("The header is not a valid one.")
    return value


AddressText = Annotated[str, AfterValidator(_check_address)]
Headers = Annotated[dict[str, str], AfterValidator(_check_headers)]
Text = Annotated[str, Field(min_length=1)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Sender(_Part):
    """Whom a mail comes from, or who gets the answers."""

    email: AddressText
    name: str | None = None


class Recipient(_Part):
    """Whom a mail goes to; SendGrid takes no `;` or `,` in these names."""

    email: AddressText
    name: Annotated[str, AfterValidator(_check_name)] | None = None


class Personalization(_Part):
    """One mail of the request: its recipients, and what it has of its own."""

    to: Annotated[list[Recipient], Field(min_length=1)]
    cc: list[Recipient] = []
    bcc: list[Recipient] = []
    sender: Annotated[Sender | None, Field(alias="from")] = None
    subject: Text | None = None
    headers: Headers = {}
    custom_args: dict[str, str] = {}
    substitutions: dict[str, str] = {}
    dynamic_template_data: dict[str, Any] = {}
    send_at: int | None = None

    @property
    def recipients(self) -> list[Recipient]:
        """All of them."""
        return [*self.to, *self.cc, *self.bcc]


class Content(_Part):
    """One form of the body."""

    type: Text
    value: Text


class Attachment(_Part):
    """A file that goes with the mail."""

    content: Base64Bytes
    filename: Text
    type: Text = "application/octet-stream"
    disposition: str = Field("attachment", pattern="^(attachment|inline)$")
    content_id: str | None = None


class Switch(BaseModel):
    """A setting that is on or off; what else belongs to it changes nothing here."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True)

    enable: bool = False


class MailRequest(_Part):
    """The whole body."""

    personalizations: Annotated[list[Personalization], Field(min_length=1, max_length=1000)]
    sender: Annotated[Sender, Field(alias="from")]
    reply_to: Sender | None = None
    reply_to_list: Annotated[list[Sender], Field(max_length=1000)] = []
    subject: Text | None = None
    content: list[Content] = []
    attachments: list[Attachment] = []
    template_id: str | None = None
    headers: Headers = {}
    categories: Annotated[list[Annotated[str, Field(max_length=255)]], Field(max_length=10)] = []
    custom_args: dict[str, str] = {}
    send_at: int | None = None
    batch_id: str | None = None
    asm: dict[str, Any] | None = None
    ip_pool_name: Annotated[str, Field(min_length=2, max_length=64)] | None = None
    mail_settings: dict[str, Switch] = {}
    tracking_settings: dict[str, Switch] = {}

    @property
    def is_test(self) -> bool:
        """Whether SendGrid's own sandbox mode is on: checked, and not sent."""
        return self.mail_settings.get("sandbox_mode", Switch()).enable

    def custom_args_of(self, personalization: Personalization) -> dict[str, str]:
        """What comes back with each event of a mail."""
        return {**self.custom_args, **personalization.custom_args}

    def headers_of(self, personalization: Personalization) -> dict[str, str]:
        """The headers that a mail asks for."""
        return {**self.headers, **personalization.headers}
