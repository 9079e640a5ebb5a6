"""How every `SuppressedAddresses` behaves; for the fake and for Redis."""

from abc import abstractmethod
from dataclasses import replace

from samples import new_suppression

from contracts.suppression import SuppressionReason
from user_service.domain.suppression_ports import SuppressedAddresses


class SuppressedAddressesSuite:
    @abstractmethod
    async def reason(self, digest: str) -> SuppressionReason | None: ...

    async def test_workers_see_the_last_that_was_told(self, addresses: SuppressedAddresses) -> None:
        one, other = new_suppression(), new_suppression(reason=SuppressionReason.MANUAL)
        digests = (one.address_digest, other.address_digest)
        assert await addresses.tell({digests[0]: one, digests[1]: other})
        assert [await self.reason(digest) for digest in digests] == [one.reason, other.reason]
        stronger = replace(one, reason=SuppressionReason.COMPLAINT)
        assert await addresses.tell({digests[0]: stronger, digests[1]: None})
        assert [await self.reason(digest) for digest in digests] == [stronger.reason, None]

    @abstractmethod
    async def forget(self) -> None: ...

    async def test_all_was_told_only_if_nothing_was_forgotten_meanwhile(
        self, addresses: SuppressedAddresses
    ) -> None:
        for _ in range(2):
            assert not await addresses.is_complete()
            await addresses.mark_begun()
            assert not await addresses.is_complete()
            await addresses.mark_complete()
            assert await addresses.is_complete()
            await addresses.mark_begun()  # the next round takes nothing back
            assert await addresses.is_complete()
            await self.forget()
        await addresses.mark_begun()
        await self.forget()
        await addresses.mark_complete()
        assert not await addresses.is_complete()
