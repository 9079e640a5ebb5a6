"""The four ways in which handing a message to a provider can fail.

    DeliveryError
    ├── TransientDeliveryError   certainly not taken; a later attempt can succeed
    ├── PermanentDeliveryError   certainly not taken; no attempt with this content can succeed
    │   └── InvalidRecipientError    … because of the address: nothing sent there can arrive
    └── AmbiguousDeliveryError   perhaps taken: the answer was lost

Providers translate whatever their protocol or library raises into these. What then happens to the
message is decided in `delivery.policy`, what it says of the provider here, and nowhere else.
"""

from typing import TypeGuard


class DeliveryError(Exception):
    """A message was not certainly taken.

    Args:
        reason: Stable word for the history and for metrics: `mailbox_full`, `throttled`.
        detail: The provider's own words.
        reply_code: The provider's own code: `451 4.7.1`, `UNAVAILABLE`; None: it said nothing.
    """

    def __init__(self, reason: str, *, detail: str = "", reply_code: str | None = None) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.reply_code = reply_code


class TransientDeliveryError(DeliveryError):
    """Certainly not taken; a later attempt can succeed.

    Args:
        retry_after: Seconds that the provider asks us to wait, if it does.
        provider_failed: The provider itself is in trouble (connect, login, 421, 429, 5xx of an
            API), rather than one recipient refused for now.
        fell_silent: It said nothing of this recipient, or broke off; perhaps it waits for the
            recipient's own server.
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        reply_code: str | None = None,
        retry_after: float | None = None,
        provider_failed: bool = False,
        fell_silent: bool = False,
    ) -> None:
        super().__init__(reason, detail=detail, reply_code=reply_code)
        self.retry_after = retry_after
        self.provider_failed = provider_failed
        self.fell_silent = fell_silent


class PermanentDeliveryError(DeliveryError):
    """Certainly not taken; no attempt with this content can succeed."""


class InvalidRecipientError(PermanentDeliveryError):
    """The address is wrong or dead; nothing that is sent there can arrive."""


class AmbiguousDeliveryError(DeliveryError):
    """Perhaps taken: the connection or our patience ended before the answer came."""


def is_refusal(error: DeliveryError) -> TypeGuard[TransientDeliveryError]:
    """Whether the provider certainly took nothing because it is in trouble itself.

    Only then may another provider be asked for the same message.
    """
    return isinstance(error, TransientDeliveryError) and error.provider_failed


def is_silence(error: DeliveryError) -> bool:
    """Whether the provider took the message up and then said nothing, or broke off.

    A provider that hangs refuses nobody, so silence speaks against it; but where it hangs for one
    destination only it may be that destination that it waits for.
    """
    if isinstance(error, TransientDeliveryError):
        return error.fell_silent
    return isinstance(error, AmbiguousDeliveryError)


def is_answer(error: DeliveryError) -> bool:
    """Whether it shows that the provider works: it has said something of this recipient or content.

    What we found out by ourselves, a malformed address or that no connection was free, says nothing
    either way.
    """
    return error.reply_code is not None and not (is_refusal(error) or is_silence(error))
