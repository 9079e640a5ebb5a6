"""The four ways in which handing a message to a provider can fail.

    DeliveryError
    ├── TransientDeliveryError   certainly not taken; a later attempt can succeed
    ├── PermanentDeliveryError   certainly not taken; no attempt with this content can succeed
    │   └── InvalidRecipientError    … because of the address: nothing sent there can arrive
    └── AmbiguousDeliveryError   perhaps taken: the answer was lost

Providers translate whatever their protocol or library raises into these; what then happens is
decided in `delivery.policy`, and nowhere else.
"""


class DeliveryError(Exception):
    """A message was not certainly taken.

    Args:
        reason: Stable word for the history and for metrics: `mailbox_full`, `throttled`.
        detail: The provider's own words.
        reply_code: The provider's own code: `451 4.7.1`, `UNAVAILABLE`.
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
    """

    def __init__(
        self,
        reason: str,
        *,
        detail: str = "",
        reply_code: str | None = None,
        retry_after: float | None = None,
        provider_failed: bool = False,
    ) -> None:
        super().__init__(reason, detail=detail, reply_code=reply_code)
        self.retry_after = retry_after
        self.provider_failed = provider_failed


class PermanentDeliveryError(DeliveryError):
    """Certainly not taken; no attempt with this content can succeed."""


class InvalidRecipientError(PermanentDeliveryError):
    """The address is wrong or dead; nothing that is sent there can arrive."""


class AmbiguousDeliveryError(DeliveryError):
    """Perhaps taken: the connection or our patience ended before the answer came."""
