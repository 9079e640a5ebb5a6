"""Who our mail comes from: the configured part of every message."""

from dataclasses import dataclass

from email_service.adapters.email_address import EmailAddress


@dataclass(frozen=True, slots=True)
class MailSender:
    """What the operator configured.

    Attributes:
        address: In `From`.
        display_name: Before it; may be empty.
        reply_to: Where answers go, if not to `address`.
        envelope_sender: Where bounces go (`MAIL FROM`), if not to `address`.
        message_id_domain: After the `@` of `Message-ID`, if not the address's domain.
    """

    address: EmailAddress
    display_name: str = ""
    reply_to: EmailAddress | None = None
    envelope_sender: EmailAddress | None = None
    message_id_domain: str | None = None

    def __post_init__(self) -> None:
        for name in ("address", "reply_to", "envelope_sender"):
            address: EmailAddress | None = getattr(self, name)
            if address is not None and address.needs_smtputf8:
                msg = f"{name} must be ASCII before the @: few servers take anything else."
                raise ValueError(msg)

    @property
    def bounce_address(self) -> EmailAddress:
        """Where the envelope says that bounces go."""
        return self.envelope_sender or self.address

    @property
    def id_domain(self) -> str:
        """The right side of `Message-ID`."""
        return self.message_id_domain or self.address.domain
