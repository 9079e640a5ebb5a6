from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest
from fake_snapshots import FakeSnapshots
from fake_suppressed_addresses import FakeSuppressedAddresses
from fake_suppressions import FakeSuppressions
from fake_users import FakeUsers
from samples import LATER, email_digest, new_suppression, new_user

from contracts.suppression import SuppressionReason
from servicekit.errors import UnavailableError
from user_service.domain.errors import ExpiryPassedError, SuppressionNotFoundError
from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import (
    DecideSuppression,
    SuppressionChange,
    Suppressions,
)
from user_service.domain.user import User
from user_service.usecases.add_suppression import AddSuppression
from user_service.usecases.announce_suppressions import AnnounceSuppressions
from user_service.usecases.change_suppression import ChangeSuppression
from user_service.usecases.find_suppressions import FindSuppressions
from user_service.usecases.keep_suppressions import KEEP_LIFTED, KeepSuppressions
from user_service.usecases.lift_suppression import LiftSuppression
from user_service.usecases.record_suppression import RecordSuppression

EMAIL = "ann@example.com"
DIGEST = email_digest(EMAIL)
MANUAL = SuppressionReason.MANUAL


class NoDigestsToFill:
    def __init__(self, *batches: tuple[int, list[User]]) -> None:
        self.batches = list(batches)

    async def fill_email_digests(self, *, limit: int) -> tuple[int, list[User]]:
        return self.batches.pop(0) if self.batches else (0, [])


class World:
    """The use cases on fakes, with what gateway and workers see."""

    def __init__(self, *users: User, suppressions: Suppressions | None = None) -> None:
        self.now = LATER
        self.users = FakeUsers(*users)
        self.snapshots = FakeSnapshots()
        self.addresses = FakeSuppressedAddresses()
        self.digests = NoDigestsToFill()
        self.suppressions = suppressions or FakeSuppressions(self.users)
        self.announce = AnnounceSuppressions(
            self.suppressions, self.addresses, now=lambda: self.now
        )
        change = ChangeSuppression(self.suppressions, self.snapshots, self.announce)
        self.add = AddSuppression(change, now=lambda: self.now)
        self.lift = LiftSuppression(change, now=lambda: self.now)
        self.find = FindSuppressions(self.suppressions, now=lambda: self.now)
        self.slept: list[float] = []
        self.record = RecordSuppression(change, now=lambda: self.now, sleep=self._sleep)
        self.keep = KeepSuppressions(
            self.suppressions,
            self.digests,
            self.snapshots,
            change,
            self.announce,
            now=lambda: self.now,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        assert len(self.slept) < 10, "it is tried again and again"

    async def suppress(self) -> Suppression:
        return await self.add(DIGEST, reason=MANUAL, expires_at=None, by="user:1")


async def test_gateway_and_workers_know_before_the_answer() -> None:
    user = new_user(email=EMAIL.upper())
    world = World(user)
    kept = await world.suppress()
    assert (kept.address_digest, kept.reason, kept.source) == (DIGEST, MANUAL, "user:1")
    assert await world.find.of(DIGEST) == kept
    assert world.addresses.reasons == {DIGEST: MANUAL}
    snapshot = world.snapshots.users[user.id]
    assert (snapshot.version, snapshot.email_suppressed) == (2, MANUAL)
    world.now += timedelta(seconds=1)
    lifted = await world.lift(DIGEST)
    assert lifted == replace(kept, lifted_at=world.now)
    assert await world.find.of(DIGEST) is None
    assert await world.find.page(limit=10, offset=0) == ([], 0)
    assert world.addresses.reasons == {}
    snapshot = world.snapshots.users[user.id]
    assert (snapshot.version, snapshot.email_suppressed) == (3, None)


async def test_what_is_not_suppressed_cannot_be_lifted_and_is_told_again() -> None:
    world = World()
    world.addresses.reasons[DIGEST] = MANUAL  # what a lost deletion left behind
    with pytest.raises(SuppressionNotFoundError):
        await world.lift(DIGEST)
    assert world.addresses.reasons == {}
    await world.suppress()
    await world.lift(DIGEST)
    with pytest.raises(SuppressionNotFoundError):
        await world.lift(DIGEST)


async def test_an_expiry_in_the_past_is_refused_by_name() -> None:
    world = World()
    with pytest.raises(ExpiryPassedError) as caught:
        await world.add(DIGEST, reason=MANUAL, expires_at=LATER, by="user:1")
    assert [detail.field for detail in caught.value.details or ()] == ["expires_at"]
    assert await world.find.of(DIGEST) is None


async def test_a_bounce_that_comes_twice_is_one_and_is_told_twice() -> None:
    user = new_user(email=EMAIL)
    world = World(user)
    await world.record(new_suppression(EMAIL))
    world.addresses.reasons.clear()
    await world.record(new_suppression(EMAIL, created_at=LATER))
    assert await world.find.page(limit=10, offset=0) == ([new_suppression(EMAIL)], 1)
    assert world.snapshots.users[user.id].version == 2
    assert world.addresses.reasons == {DIGEST: SuppressionReason.HARD_BOUNCE}


async def test_a_bounce_from_before_the_lift_leaves_the_address_open() -> None:
    world = World()
    await world.suppress()
    await world.lift(DIGEST)
    await world.record(new_suppression(EMAIL, created_at=LATER - timedelta(minutes=1)))
    assert await world.find.of(DIGEST) is None
    assert world.addresses.reasons == {}
    bounced_again = new_suppression(EMAIL, created_at=LATER + timedelta(minutes=1))
    await world.record(bounced_again)
    assert await world.find.of(DIGEST) == bounced_again


class FailingSuppressions(FakeSuppressions):
    def __init__(self, users: FakeUsers, *errors: Exception) -> None:
        super().__init__(users)
        self.errors = list(errors)
        self.troubles: list[str | None] = []
        self.record: RecordSuppression | None = None

    async def change(self, digest: str, decide: DecideSuppression) -> SuppressionChange:
        assert self.record is not None
        self.troubles.append(self.record.trouble)
        if self.errors:
            raise self.errors.pop(0)
        return await super().change(digest, decide)


async def test_what_was_heard_is_tried_again_until_it_is_stored() -> None:
    suppressions = FailingSuppressions(
        FakeUsers(), UnavailableError("away"), RuntimeError("a defect of ours")
    )
    world = World(suppressions=suppressions)
    suppressions.record = world.record
    await world.record(new_suppression(EMAIL))
    assert await world.find.of(DIGEST) == new_suppression(EMAIL)
    assert world.slept == [1.0, 1.0]
    assert suppressions.troubles == [None, "away", "RuntimeError"]
    assert world.record.trouble is None


class InterferingAddresses(FakeSuppressedAddresses):
    """In the moment of the first telling somebody else lifts the suppression, and tells so."""

    world: World | None = None

    async def tell(self, states: Mapping[str, Suppression | None]) -> bool:
        world, self.world = self.world, None
        if world is not None:
            await world.lift(DIGEST)
        return await super().tell(states)


async def test_who_tells_last_tells_the_last_change() -> None:
    world = World()
    interfering = InterferingAddresses()
    announce = AnnounceSuppressions(world.suppressions, interfering, now=lambda: world.now)
    await world.suppress()
    interfering.world = world
    assert await announce([DIGEST])
    assert interfering.reasons == {}


async def test_without_redis_a_suppression_is_kept_and_told_in_a_later_round() -> None:
    world = World()
    world.addresses.is_away = True
    await world.suppress()
    await world.keep()
    assert await world.keep.is_needed()
    world.addresses.is_away = False
    assert await world.keep.is_needed()
    await world.keep()
    assert world.addresses.reasons == {DIGEST: MANUAL}
    assert not await world.keep.is_needed()
    world.addresses.is_away = True
    await world.lift(DIGEST)
    world.addresses.is_away = False
    # nothing is forgotten, and yet one thing was not heard
    assert await world.keep.is_needed()
    await world.keep()
    assert world.addresses.reasons == {}
    assert not await world.keep.is_needed()


async def test_what_redis_forgot_it_is_told_again_in_a_round_that_does_not_wait() -> None:
    world = World()
    for number in range(1001):
        await world.record(new_suppression(f"{number}@example.com"))
    told = dict(world.addresses.reasons)
    assert len(told) == 1001
    await world.keep()
    assert not await world.keep.is_needed()
    world.addresses.forget()
    assert await world.keep.is_needed()
    await world.keep()
    assert world.addresses.reasons == told


class ForgettingAddresses(FakeSuppressedAddresses):
    """Redis loses its memory just after it was told the last."""

    is_forgetful = True

    async def mark_complete(self) -> None:
        if self.is_forgetful:
            self.forget()
        await super().mark_complete()


async def test_what_redis_forgot_during_a_round_makes_another_one_necessary() -> None:
    world = World()
    addresses = ForgettingAddresses()
    announce = AnnounceSuppressions(world.suppressions, addresses, now=lambda: world.now)
    await world.suppress()
    await announce.all()
    assert await announce.is_forgotten()
    addresses.is_forgetful = False
    await announce.all()
    assert not await announce.is_forgotten()
    assert addresses.reasons == {DIGEST: MANUAL}


async def test_a_round_ends_what_has_expired_and_tells_so() -> None:
    user = new_user(email=EMAIL)
    world = World(user)
    until = LATER + timedelta(hours=1)
    await world.add(DIGEST, reason=MANUAL, expires_at=until, by="user:1")
    await world.keep()
    assert world.addresses.reasons == {DIGEST: MANUAL}
    world.now = until
    await world.keep()
    assert world.addresses.reasons == {}
    assert await world.suppressions.find([DIGEST]) == {}
    assert world.snapshots.users[user.id].version == 3


async def test_a_round_forgets_what_was_lifted_a_week_ago() -> None:
    world = World()
    await world.suppress()
    await world.lift(DIGEST)
    world.now += KEEP_LIFTED
    await world.keep()
    assert DIGEST in await world.suppressions.find([DIGEST])
    world.now += timedelta(seconds=1)
    await world.keep()
    assert await world.suppressions.find([DIGEST]) == {}


async def test_a_round_tells_the_gateway_of_users_who_turn_out_to_be_suppressed() -> None:
    world = World()
    first, second = new_user(email_suppressed=MANUAL), new_user(email_suppressed=MANUAL)
    world.digests.batches = [(500, [first]), (3, [second])]
    await world.keep()
    assert world.snapshots.users == {user.id: user.snapshot() for user in (first, second)}
    assert world.digests.batches == []
