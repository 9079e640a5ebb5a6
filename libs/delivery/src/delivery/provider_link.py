"""One provider behind its breaker: asks it, tells the breaker, holds the group's probe of it."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from delivery.breaker_view import BreakerView
from delivery.destinations import destination_of
from delivery.errors import (
    AmbiguousDeliveryError,
    DeliveryError,
    is_answer,
    is_refusal,
    is_silence,
)
from delivery.provider import OutgoingDelivery, Provider, ProviderAcceptance
from servicekit.breaker import Permit

ContentT = TypeVar("ContentT")

RESERVED_SECONDS: Final = 10.0
"""How long a reserved probe waits for a message before another process may have it."""

SILENT_DESTINATIONS: Final = 3
"""A provider that is silent over so many in a row, and answers nobody in between, is at fault
itself; over fewer, the destinations may be, as where a relay asks them before it answers us."""

_PROBE_MARGIN_SECONDS: Final = 5.0


class ProviderLink(Generic[ContentT]):
    """A link of the chain.

    Args:
        provider: Who is asked.
        view: What this process knows of its breaker.
        attempt_seconds: Wall-clock deadline of an attempt, for what is said when it has passed.
        open_seconds: Between two probes.
        monotonic: Seconds that never go back.
        token: Names a probe.
    """

    def __init__(
        self,
        provider: Provider[ContentT],
        view: BreakerView,
        *,
        attempt_seconds: float,
        open_seconds: float,
        monotonic: Callable[[], float],
        token: Callable[[], str],
    ) -> None:
        self.provider = provider
        self.name = provider.name
        self.view = view
        self._attempt_seconds = attempt_seconds
        # A probe that is under way ends, by its deadline, before another can be permitted; and if
        # its process dies that counts as a failed one, for there is one in each open time.
        self._probe_seconds = max(open_seconds, attempt_seconds + _PROBE_MARGIN_SECONDS)
        self._monotonic = monotonic
        self._token = token
        self._probe = ""  # asked for, reserved, or under way
        self._reserved_until = 0.0  # 0: not reserved
        self._silent_over: set[str] = set()

    @property
    def has_reserved(self) -> bool:
        """Whether it has the probe and has not begun it; what has lapsed is forgotten here."""
        if self._reserved_until and self._monotonic() >= self._reserved_until:
            self._drop_probe()
        return bool(self._reserved_until)

    @property
    def has_probe(self) -> bool:
        """Whether it has the probe, reserved or under way, or asks for it."""
        return self.has_reserved or bool(self._probe)

    @property
    def may_probe(self) -> bool:
        """Whether it is worth asking the group for the probe."""
        return not self.has_probe and self.view.may_probe

    async def permit(self) -> Permit | None:
        """Leave to ask the provider now: an ordinary call, or the group's probe."""
        return self.view.permit() or await self._begin_probe()

    async def reserve_probe(self) -> bool:
        """Get the probe for the next message, if nobody has it."""
        if not self.may_probe:
            return False
        self._probe = token = self._token()
        try:
            permit = await self.view.take_probe(token, RESERVED_SECONDS)
        except BaseException:
            self._drop_probe()
            raise
        if permit is None:
            self._drop_probe()
            return False
        self._reserved_until = self._monotonic() + RESERVED_SECONDS
        return True

    async def give_back_probe(self) -> None:
        """Let others have the probe that was reserved and not made."""
        if self.has_reserved:
            token = self._probe
            self._drop_probe()
            await self.view.give_back_probe(token)

    async def ask(
        self, delivery: OutgoingDelivery[ContentT], permit: Permit, deadline: float
    ) -> ProviderAcceptance:
        """Ask the provider, and tell its breaker what came of it.

        Args:
            delivery: The message.
            permit: From `permit`.
            deadline: Of the attempt, by the event loop's clock.

        Raises:
            DeliveryError: One of its four kinds.
        """
        view = self.view
        view.under_way += 1
        try:
            acceptance = await self._call(delivery, deadline)
        except DeliveryError as error:
            if is_refusal(error) or (
                is_silence(error) and (permit.probe or self._is_at_fault_over(delivery))
            ):
                await view.failed(permit)
            elif is_answer(error):
                self._silent_over.clear()
                view.succeeded(permit)
            elif permit.probe:
                await view.give_back_probe(permit.probe)
            raise
        except Exception:
            # A defect, which says nothing about the provider. A probe has been used up by it all
            # the same: given back, it would be made again at once, with the same end.
            if permit.probe:
                await view.failed(permit)
            raise
        else:
            self._silent_over.clear()
            view.succeeded(permit)
            return acceptance
        finally:
            view.under_way -= 1
            if permit.probe:
                self._drop_probe()

    def _is_at_fault_over(self, delivery: OutgoingDelivery[ContentT]) -> bool:
        destination = destination_of(delivery.message)
        if destination is None:
            return True
        self._silent_over.add(destination)
        return len(self._silent_over) >= SILENT_DESTINATIONS

    async def _call(
        self, delivery: OutgoingDelivery[ContentT], deadline: float
    ) -> ProviderAcceptance:
        try:
            async with asyncio.timeout_at(deadline):
                return await self.provider.send(delivery)
        except TimeoutError as error:
            raise AmbiguousDeliveryError(
                "deadline_exceeded", detail=f"no answer within {self._attempt_seconds:g} s"
            ) from error
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Client libraries cancel what waits on a connection that they close. Passed on, it
            # would end this task in silence, and its message would never be acknowledged.
            raise AmbiguousDeliveryError(
                "cancelled", detail="the provider's client broke the call off"
            ) from error

    async def _begin_probe(self) -> Permit | None:
        if self.has_reserved:
            self._reserved_until = 0.0
        elif self.may_probe:
            self._probe = self._token()
        else:
            return None
        permit: Permit | None = None
        try:
            permit = await self.view.take_probe(self._probe, self._probe_seconds)
        finally:
            if permit is None:
                self._drop_probe()
        return permit

    def _drop_probe(self) -> None:
        self._probe, self._reserved_until = "", 0.0
