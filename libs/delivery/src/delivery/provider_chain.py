"""A channel's providers in order of preference: who is asked, and who when that one cannot.

Only a provider that certainly took nothing because it is in trouble itself is passed by. What may
have been taken, and what was said about this recipient or content, is final for the attempt.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Generic, TypeVar

from delivery.breaker_view import BreakerView
from delivery.breakers import Breakers, BreakersUnavailableError
from delivery.errors import DeliveryError, is_refusal
from delivery.handover import Handover, NoProviderError, NotHandedOverError, Refusal
from delivery.metrics import DeliveryMetrics
from delivery.provider import OutgoingDelivery, Provider
from delivery.provider_link import ProviderLink
from delivery.redis_claims import new_token
from servicekit.breaker import Phase
from servicekit.logs import get_logger
from servicekit.tasks import check_running, end_task

__all__ = ["Handover", "NoProviderError", "NotHandedOverError", "ProviderChain", "Refusal"]

_log = get_logger(__name__)

ContentT = TypeVar("ContentT")

REFRESH_SECONDS: Final = 0.5

_LEAST_SHARE: Final = 0.2
"""With less of the attempt's time left the next provider is not asked: it would be cut off, and
what it had been asked might then be sent or not."""

_CROWDED_SECONDS: Final = 1.0
"""Wait where a provider is about to be asked again, and only its share of calls is used up."""


class ProviderChain(Generic[ContentT]):
    """Hands deliveries to the first provider that can take them.

    Args:
        providers: In order of preference; names must differ.
        breakers: What the processes of the channel share about them.
        attempt_seconds: Wall-clock deadline of a `send`, however many providers it asks.
        concurrency: Deliveries that this process may have under way.
        metrics: Shows the breakers, counts failovers.
        monotonic: Seconds that never go back.
        token: Names a probe; no two alike.
        refresh_seconds: Between two looks at what the group knows.

    Raises:
        ValueError: There is no provider, or two have one name.
    """

    def __init__(
        self,
        providers: Sequence[Provider[ContentT]],
        breakers: Breakers,
        *,
        attempt_seconds: float,
        concurrency: int,
        metrics: DeliveryMetrics,
        monotonic: Callable[[], float] = time.monotonic,
        token: Callable[[], str] = new_token,
        refresh_seconds: float = REFRESH_SECONDS,
    ) -> None:
        self.names = tuple(provider.name for provider in providers)
        if not self.names or len(set(self.names)) < len(self.names):
            given = ", ".join(self.names) or "none"
            msg = f"providers: expected at least one, each with a name of its own, not: {given}"
            raise ValueError(msg)
        self._breakers = breakers
        self._attempt_seconds = attempt_seconds
        self._concurrency = concurrency
        self._metrics = metrics
        self._monotonic = monotonic
        self._refresh_seconds = refresh_seconds
        self._callbacks: list[Callable[[], None]] = []
        self._refresher: asyncio.Task[None] | None = None
        self._links = tuple(
            ProviderLink(
                provider,
                BreakerView(
                    provider.name,
                    breakers,
                    full=concurrency,
                    monotonic=monotonic,
                    changed=self._look,
                    metrics=metrics,
                ),
                attempt_seconds=attempt_seconds,
                open_seconds=breakers.rules.open_seconds,
                monotonic=monotonic,
                token=token,
            )
            for provider in providers
        )
        self._seen = (concurrency, False)

    async def send(
        self, delivery: OutgoingDelivery[ContentT], *, pinned: str | None = None
    ) -> Handover:
        """Hand one message over within the attempt's deadline.

        Args:
            delivery: The message.
            pinned: Perhaps this provider took it before, so no other may be asked. One that is no
                longer in the chain pins nothing: it can never be asked again, and a message that
                waits for ever is worse than the second copy that its category tolerates.

        Raises:
            NotHandedOverError: Somebody was asked, and nobody certainly took it.
            NoProviderError: Nobody could be asked.
        """
        links = self._links if pinned is None else self._pinned_to(pinned)
        deadline = asyncio.get_running_loop().time() + self._attempt_seconds
        refusals: tuple[Refusal, ...] = ()
        was_probe = False
        for link in links:
            if refusals and self._is_late(deadline):
                break
            permit = await link.permit()
            if permit is None:
                continue
            if refusals:
                self._tell_failover(delivery, refusals[-1], link.name)
            was_probe = bool(permit.probe)
            started = self._monotonic()
            try:
                acceptance = await link.ask(delivery, permit, deadline)
            except DeliveryError as error:
                seconds = self._monotonic() - started
                if not is_refusal(error):
                    raise NotHandedOverError(
                        link.name, error, seconds, refusals, was_probe=was_probe
                    ) from error
                refusals = (*refusals, Refusal(link.name, error, seconds))
            else:
                return Handover(link.name, acceptance, self._monotonic() - started, refusals)
        if not refusals:
            raise NoProviderError(min(_wait(link) for link in links))
        *before, last = refusals
        raise NotHandedOverError(
            last.provider, last.error, last.seconds, tuple(before), was_probe=was_probe
        ) from last.error

    def capacity(self) -> int:
        """How many deliveries may be under way in this process now, 0 to `concurrency`.

        0: every breaker is open, so nothing should be taken from the lanes, but for the one message
        of a probe that we hold.
        """
        return min(self._concurrency, sum(link.view.share for link in self._links))

    async def reserve_probe(self) -> bool:
        """Ask for the one probe of the group while `capacity()` is 0, to take a message for it.

        True: we hold it, and the next `send` that is not pinned to another provider uses it. It
        lapses after `delivery.provider_link.RESERVED_SECONDS`; asking again does not renew it.
        """
        if self.capacity():
            return False
        if any(link.has_reserved for link in self._links):
            return True
        for link in self._links:
            if await link.reserve_probe():
                return True
        return False

    @property
    def is_probing(self) -> bool:
        """Whether a probe of ours waits for its message, or for the provider's answer."""
        return any(link.has_probe for link in self._links)

    async def give_back_probe(self) -> None:
        """There was no message to probe with; others may have it at once."""
        for link in self._links:
            await link.give_back_probe()
        self._look()

    def on_change(self, callback: Callable[[], None]) -> None:
        """Have `callback` called when `capacity()` has changed, or a probe can be asked for."""
        self._callbacks.append(callback)

    async def start(self) -> None:
        """Learn what the group knows, and follow it from now on."""
        await self._refresh()
        self._refresher = asyncio.create_task(self._follow(), name="breakers")

    async def check(self) -> None:
        """Raise when the group is no longer followed; for readiness.

        Raises:
            TaskEndedError: That is so; only a restart helps.
        """
        check_running(self._refresher)

    async def stop(self) -> None:
        """Give a reserved probe back, tell what is still untold, and stop to follow the group."""
        await end_task(self._refresher)
        await self.give_back_probe()
        for link in self._links:
            await link.view.finish()

    async def close(self) -> None:
        """Close the providers, all of them even where one fails.

        Raises:
            ExceptionGroup: What went wrong with some.
        """
        ends = await asyncio.gather(
            *(link.provider.close() for link in self._links), return_exceptions=True
        )
        errors = [error for error in ends if isinstance(error, Exception)]
        if errors:
            msg = "not all providers could be closed"
            raise ExceptionGroup(msg, errors)

    def _pinned_to(self, name: str) -> tuple[ProviderLink[ContentT], ...]:
        pinned = tuple(link for link in self._links if link.name == name)
        if not pinned:
            _log.warning("provider.pin_ignored", provider=name, configured=", ".join(self.names))
        return pinned or self._links

    def _is_late(self, deadline: float) -> bool:
        left = deadline - asyncio.get_running_loop().time()
        return left < self._attempt_seconds * _LEAST_SHARE

    def _tell_failover(
        self, delivery: OutgoingDelivery[ContentT], refusal: Refusal, passed_to: str
    ) -> None:
        _log.info(
            "provider.failed_over",
            delivery_id=str(delivery.message.delivery_id),
            refused_by=refusal.provider,
            reason=refusal.error.reason,
            passed_to=passed_to,
        )
        self._metrics.failed_over(refusal.provider, passed_to)

    async def _follow(self) -> None:
        while True:
            await asyncio.sleep(self._refresh_seconds)
            await self._refresh()

    async def _refresh(self) -> None:
        asked_at = self._monotonic()
        try:
            readings = await self._breakers.read(self.names)
        except BreakersUnavailableError as error:
            for link in self._links:
                link.view.part(error)
        else:
            for link, reading in zip(self._links, readings, strict=True):
                link.view.adopt(reading, asked_at)
        self._look()

    def _look(self) -> None:
        """Tell what has changed, be it by an answer or by the passing of time."""
        for link in self._links:
            self._metrics.breaker_is(link.name, link.view.phase)
        capacity = self.capacity()
        seen = (capacity, capacity == 0 and any(link.may_probe for link in self._links))
        if seen != self._seen:
            self._seen = seen
            for callback in self._callbacks:
                callback()


def _wait(link: ProviderLink[ContentT]) -> float:
    """Until it is worth asking the provider; half-open, its probe may be answered any moment."""
    return _CROWDED_SECONDS if link.view.phase is not Phase.OPEN else link.view.wait_seconds
