"""One rule of misbehaviour, as it is put to `/sandbox/failures/{target}`, and what it may say."""

from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Target = Literal["smtp", "smtp-b", "sendgrid", "fcm", "oauth"]
Stage = Literal["connect", "ehlo", "mail", "rcpt", "start_data", "data"]
"""Of SMTP: what the reply answers to. `connect` is the banner, `data` the final dot."""
Action = Literal[
    "refuse",
    "delay",
    "hang",
    "hang_after_accept",
    "drop_before_accept",
    "drop_after_accept",
    "drip",
]

SMTP_TARGETS: Final = ("smtp", "smtp-b")
_STAGES_BEFORE_RECIPIENT: Final = ("connect", "ehlo", "mail")

# Answers of Google by FCM error code
# (https://firebase.google.com/docs/cloud-messaging/error-codes).
FCM_STATUS = {
    "INVALID_ARGUMENT": 400,
    "UNREGISTERED": 404,
    "SENDER_ID_MISMATCH": 403,
    "THIRD_PARTY_AUTH_ERROR": 401,
    "QUOTA_EXCEEDED": 429,
    "UNAVAILABLE": 503,
    "INTERNAL": 500,
}


class FailureRule(BaseModel):
    """What to do to which attempts. Durations are in seconds.

    `refuse` answers with `status`; `delay` waits and goes on; `hang` never answers and accepts
    nothing, `hang_after_accept` stores and logs the message first; `drip` goes on and sends the
    answer byte by byte, `delay_seconds` apart; the two drops close without an answer, the second
    after the message was stored and logged. At the stage `connect`, a `hang` accepts the TCP
    connection and says nothing, and a `drop_before_accept` closes it without a banner.
    """

    model_config = ConfigDict(extra="forbid", strict=True)

    action: Action = "refuse"
    status: Annotated[int, Field(ge=400, le=599)] | None = None
    text: Annotated[str, Field(min_length=1, max_length=400, pattern=r"^[^\r\n]+$")] | None = None
    error_code: str | None = None
    retry_after: Annotated[float, Field(ge=0, le=86400)] | None = None
    delay_seconds: Annotated[float, Field(gt=0, le=3600)] | None = None
    stage: Stage | None = None
    recipient: Annotated[str, Field(min_length=1)] | None = None
    times: Annotated[int, Field(ge=1)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None

    @model_validator(mode="after")
    def _agree_with_itself(self) -> Self:
        if self.action == "delay" and self.delay_seconds is None:
            raise ValueError("delay_seconds: needed by the action delay")
        if self.action != "refuse" and (self.status or self.error_code or self.retry_after):
            raise ValueError("status, error_code, retry_after: only the action refuse answers")
        return self

    def check_for(self, target: Target) -> None:
        """Raise ValueError, beginning with the field's name, where it does not fit the target."""
        if target in SMTP_TARGETS:
            self._check_for_smtp()
            return
        if self.stage is not None:
            raise ValueError("stage: only smtp and smtp-b have stages")
        if target == "oauth" and self.recipient is not None:
            raise ValueError("recipient: a token request has none")
        if target == "fcm" and self.error_code not in (None, *FCM_STATUS):
            raise ValueError(f"error_code: must be one of {', '.join(FCM_STATUS)}")
        if target == "sendgrid" and self.error_code is not None:
            raise ValueError("error_code: SendGrid has no such thing; use status and text")

    def _check_for_smtp(self) -> None:
        for field in ("error_code", "retry_after"):
            if getattr(self, field) is not None:
                raise ValueError(f"{field}: SMTP has no such thing; use status and text")
        if self.recipient is not None and self.stage in _STAGES_BEFORE_RECIPIENT:
            raise ValueError("recipient: not known yet at this stage; use rcpt or data")
        if self.action.endswith("_after_accept") and self.stage not in (None, "data"):
            raise ValueError("stage: a mail is accepted at data only")
