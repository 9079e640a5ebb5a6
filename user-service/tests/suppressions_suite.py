"""How `Suppressions` and `Users` behave together; for the fakes and for PostgreSQL."""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from samples import LATER, email_digest, new_suppression, new_user, unused_email

from contracts.suppression import SuppressionReason
from user_service.domain.ports import Users
from user_service.domain.suppression import Suppression
from user_service.domain.suppression_ports import DecideSuppression, Suppressions
from user_service.domain.user import User


def keep(suppression: Suppression | None) -> DecideSuppression:
    return lambda _: suppression


class SuppressionsSuite:
    async def test_finds_what_was_kept(self, suppressions: Suppressions) -> None:
        one = new_suppression(expires_at=LATER)
        other = new_suppression(lifted_at=LATER, reason=SuppressionReason.MANUAL)
        for suppression in (one, other):
            await suppressions.change(suppression.address_digest, keep(suppression))
        digests = [one.address_digest, other.address_digest, email_digest(unused_email())]
        assert await suppressions.find(digests) == {digests[0]: one, digests[1]: other}
        assert await suppressions.find([]) == {}

    async def test_a_change_sees_what_is_kept_and_replaces_or_deletes_it(
        self, suppressions: Suppressions
    ) -> None:
        one = new_suppression()
        digest = one.address_digest
        other = replace(one, reason=SuppressionReason.COMPLAINT, source="sendgrid")
        assert (await suppressions.change(digest, keep(one))).before is None
        seen = await suppressions.change(digest, keep(other))
        assert (seen.before, seen.after) == (one, other)
        gone = await suppressions.change(digest, keep(None))
        assert (gone.before, gone.after) == (other, None)
        assert await suppressions.find([digest]) == {}

    async def test_a_new_state_raises_the_version_of_who_has_the_address(
        self, users: Users, suppressions: Suppressions
    ) -> None:
        user = new_user(email=unused_email().title())
        bystander = new_user()
        for one in (user, bystander):
            await users.create(one)
        bounced = new_suppression(user.email.lower())
        digest = bounced.address_digest
        raised = replace(user, row_version=2, email_suppressed=SuppressionReason.HARD_BOUNCE)
        for _ in range(2):  # the same again raises nothing
            assert (await suppressions.change(digest, keep(bounced))).users == [raised]
        for found in (await users.find(user.id), await users.find_by_email(user.email)):
            assert found == raised
        lifted = await suppressions.change(digest, keep(replace(bounced, lifted_at=LATER)))
        assert lifted.users == [replace(user, row_version=3)]
        assert await users.find(user.id) == replace(user, row_version=3)
        assert await users.find(bystander.id) == bystander

    async def test_what_has_expired_does_not_count(
        self, users: Users, suppressions: Suppressions
    ) -> None:
        user = await users.create(new_user())
        expired = new_suppression(user.email, expires_at=datetime.now(UTC) - timedelta(seconds=1))
        change = await suppressions.change(expired.address_digest, keep(expired))
        assert [one.email_suppressed for one in change.users] == [None]

    async def test_who_takes_a_suppressed_address_is_suppressed_and_who_leaves_it_is_not(
        self, users: Users, suppressions: Suppressions
    ) -> None:
        bounced = new_suppression(email := unused_email())
        await suppressions.change(bounced.address_digest, keep(bounced))
        user = await users.create(new_user(email=email.upper()))
        assert user.email_suppressed is SuppressionReason.HARD_BOUNCE
        assert await users.find(user.id) == user
        left = await users.change(
            user.id, lambda one: replace(one, email=unused_email(), row_version=2)
        )
        assert left is not None
        assert left.email_suppressed is None
        assert await users.find(user.id) == left
        back = await users.change(user.id, lambda one: replace(one, email=email, row_version=3))
        assert back is not None
        assert back.email_suppressed is SuppressionReason.HARD_BOUNCE
        assert (await suppressions.change(bounced.address_digest, keep(bounced))).users == [back]

    async def test_who_is_changed_while_their_address_is_suppressed_misses_nothing(
        self, users: Users, suppressions: Suppressions
    ) -> None:
        for _ in range(10):
            email = unused_email()
            bounced = new_suppression(email)

            def change(user: User, **values: Any) -> Coroutine[None, None, User | None]:
                def decide(one: User) -> User:
                    return replace(one, row_version=one.row_version + 1, **values)

                return users.change(user.id, decide)

            owner, mover = new_user(email=email), await users.create(new_user())
            for told in (
                users.create(owner),
                change(owner, name="New"),
                change(owner, email=unused_email()),
                change(mover, email=email),
            ):
                known, suppressed = await asyncio.gather(
                    told, suppressions.change(bounced.address_digest, keep(bounced))
                )
                assert known is not None
                newest = max([known, *suppressed.users], key=lambda user: user.row_version)
                assert newest == await users.find(newest.id)
                expected = SuppressionReason.HARD_BOUNCE if newest.email == email else None
                assert newest.email_suppressed is expected
                await suppressions.change(bounced.address_digest, keep(None))

    async def test_changes_at_once_are_all_kept(
        self, users: Users, suppressions: Suppressions
    ) -> None:
        user = await users.create(new_user())
        start = new_suppression(user.email, expires_at=LATER)

        def prolong(held: Suppression | None) -> Suppression:
            expires_at = (LATER if held is None else held.expires_at) or LATER
            return replace(start, expires_at=expires_at + timedelta(days=1))

        await asyncio.gather(
            *(suppressions.change(start.address_digest, prolong) for _ in range(5))
        )
        kept = await suppressions.find([start.address_digest])
        assert kept[start.address_digest].expires_at == LATER + timedelta(days=5)
        found = await users.find(user.id)
        assert found is not None
        assert found.row_version == 6

    async def test_lists_those_in_force_the_newest_first(self, suppressions: Suppressions) -> None:
        # later than all that other tests create
        start = datetime(2100, 1, 1, tzinfo=UTC)
        now = start + timedelta(days=10)
        created = [new_suppression(created_at=start + timedelta(days=day)) for day in range(3)]
        over = [
            new_suppression(created_at=start, lifted_at=start),
            new_suppression(created_at=start, expires_at=now),
        ]
        for one in (*created, *over):
            await suppressions.change(one.address_digest, keep(one))
        first, total = await suppressions.page(now, limit=2, offset=0)
        second, _ = await suppressions.page(now, limit=1, offset=2)
        assert [*first, *second] == created[::-1]
        everything, _ = await suppressions.page(now, limit=total, offset=0)
        assert len(everything) == total
        assert not set(over) & set(everything)

    async def test_walks_through_all_digests(self, suppressions: Suppressions) -> None:
        kept = [new_suppression(), new_suppression(lifted_at=LATER)]
        for one in kept:
            await suppressions.change(one.address_digest, keep(one))
        walked: list[str] = []
        while found := await suppressions.digests(after=walked[-1] if walked else "", limit=3):
            assert len(found) <= 3
            walked += found
        assert walked == sorted(set(walked))
        assert {one.address_digest for one in kept} <= set(walked)

    async def test_finds_what_has_ended_by_itself(self, suppressions: Suppressions) -> None:
        ended = new_suppression(expires_at=LATER)
        others = [
            new_suppression(),
            new_suppression(expires_at=LATER + timedelta(seconds=1)),
            new_suppression(expires_at=LATER, lifted_at=LATER),
        ]
        for one in (ended, *others):
            await suppressions.change(one.address_digest, keep(one))
        found = await suppressions.expired(LATER, limit=1000)
        assert ended.address_digest in found
        assert not {one.address_digest for one in others} & set(found)

    async def test_forgets_what_was_lifted_long_ago(self, suppressions: Suppressions) -> None:
        old, recent = new_suppression(lifted_at=LATER - timedelta(1)), new_suppression()
        recent = replace(recent, lifted_at=LATER)
        for one in (old, recent):
            await suppressions.change(one.address_digest, keep(one))
        assert await suppressions.forget_lifted(LATER) >= 1
        found = await suppressions.find([old.address_digest, recent.address_digest])
        assert found == {recent.address_digest: recent}
