"""How a delivery came out of the provider chain: taken, not taken, or nobody could be asked."""

from dataclasses import dataclass

from delivery.errors import DeliveryError, TransientDeliveryError
from delivery.provider import ProviderAcceptance


@dataclass(frozen=True)
class Refusal:
    """One provider that could not take anything, before the one that decided.

    Attributes:
        provider: Its name.
        error: What it answered.
        seconds: It took so long to answer.
    """

    provider: str
    error: TransientDeliveryError
    seconds: float


@dataclass(frozen=True)
class Handover:
    """A provider took it.

    Attributes:
        provider: Its name.
        acceptance: What it answered.
        seconds: It took so long to answer.
        refusals: Who was asked before.
    """

    provider: str
    acceptance: ProviderAcceptance
    seconds: float
    refusals: tuple[Refusal, ...] = ()


class NotHandedOverError(Exception):
    """Somebody was asked, and nobody certainly took it.

    Args:
        provider: Who decided that: the last one asked.
        error: Its answer.
        seconds: It took so long to answer.
        refusals: Who was asked before.
        was_probe: The call that decided was the group's probe; one that fails costs no attempt.
    """

    def __init__(
        self,
        provider: str,
        error: DeliveryError,
        seconds: float,
        refusals: tuple[Refusal, ...] = (),
        *,
        was_probe: bool = False,
    ) -> None:
        super().__init__(f"{provider}: {error}")
        self.provider = provider
        self.error = error
        self.seconds = seconds
        self.refusals = refusals
        self.was_probe = was_probe


class NoProviderError(Exception):
    """Nobody could be asked, and nobody was.

    Args:
        wait: Seconds until it is worth asking again.
    """

    def __init__(self, wait: float) -> None:
        super().__init__(f"no provider can be asked now; worth asking again in {wait:.1f} s")
        self.wait = wait
