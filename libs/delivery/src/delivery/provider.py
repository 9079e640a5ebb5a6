"""The port behind which providers live: one message in, an acceptance or a `DeliveryError` out."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from contracts.delivery_message import DeliveryMessage

ContentT_co = TypeVar("ContentT_co", covariant=True)
ContentT_contra = TypeVar("ContentT_contra", contravariant=True)


@dataclass(frozen=True)
class OutgoingDelivery(Generic[ContentT_co]):
    """A rendered message on its way to a provider.

    Attributes:
        message: The delivery as it came from the queue: recipient, ids, metadata.
        content: What the template became: `templating.RenderedEmail` or `RenderedPush`.
        attempt: Number of this attempt, from 1.
    """

    message: DeliveryMessage
    content: ContentT_co
    attempt: int


@dataclass(frozen=True)
class ProviderAcceptance:
    """The provider took it.

    Attributes:
        provider_message_id: The provider's name for it, for support requests and callbacks.
        reply_code: Its own words: `250`, `200`.
    """

    provider_message_id: str | None
    reply_code: str | None = None


class Provider(Protocol[ContentT_contra]):
    """Hands messages of one channel to the outside world."""

    @property
    def name(self) -> str:
        """What operators call it: `smtp`, `fcm`."""
        ...

    async def send(self, delivery: OutgoingDelivery[ContentT_contra]) -> ProviderAcceptance:
        """Hand one message over.

        The engine bounds the whole call by a deadline and cancels it then; a cancelled call must
        leave nothing behind that a later one could trip over.

        Raises:
            DeliveryError: One of its four kinds; nothing else.
        """
        ...

    async def close(self) -> None:
        """Close kept connections."""
        ...
