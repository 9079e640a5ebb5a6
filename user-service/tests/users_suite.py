"""How every `Users` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from samples import LATER, new_user, unused_email

from contracts.access import Role
from contracts.preferences import ChannelChoice, QuietHours
from user_service.domain.errors import EmailTakenError
from user_service.domain.ports import Users
from user_service.domain.user import User


class UsersSuite:
    async def test_finds_what_was_created(self, users: Users) -> None:
        user = new_user(
            email=unused_email().title(),
            name="Zoë",
            password_hash="hash",
            role=Role.ADMIN,
            is_active=False,
            language="pt-BR",
            timezone="Europe/Berlin",
            email_enabled=False,
            push_enabled=False,
            push_token="token",
            category_choices={"marketing": ChannelChoice(email=False)},
            quiet_hours=QuietHours.model_validate({"start": "22:00", "end": "07:00"}),
            row_version=7,
            updated_at=LATER,
        )
        await users.create(user)
        assert await users.find(user.id) == user
        assert await users.find_by_email(user.email.upper()) == user

    async def test_finds_nobody_where_nobody_is(self, users: Users) -> None:
        assert await users.find(uuid4()) is None
        assert await users.find_by_email(unused_email()) is None

    async def test_finds_those_of_many_who_exist_each_once(self, users: Users) -> None:
        known = [new_user(push_token="token"), new_user(email_enabled=False), new_user()]
        for user in known:
            await users.create(user)
        first, second, _ = known
        found = await users.find_many([first.id, uuid4(), second.id, first.id])
        assert sorted(found, key=lambda user: user.id) == sorted(
            [first, second], key=lambda user: user.id
        )
        assert list(await users.find_many([])) == []

    async def test_refuses_a_taken_address_in_other_case(self, users: Users) -> None:
        first = new_user()
        await users.create(first)
        second = new_user(email=first.email.upper())
        with pytest.raises(EmailTakenError):
            await users.create(second)
        assert await users.find(second.id) is None

    async def test_of_many_at_once_one_gets_the_address(self, users: Users) -> None:
        email = unused_email()
        results = await asyncio.gather(
            *(users.create(new_user(email=email)) for _ in range(5)), return_exceptions=True
        )
        assert sum(isinstance(result, User) for result in results) == 1
        assert sum(isinstance(result, EmailTakenError) for result in results) == 4

    async def test_lists_the_newest_first(self, users: Users) -> None:
        # later than all that other tests create
        start = datetime(2100, 1, 1, tzinfo=UTC)
        created = [new_user(created_at=start + timedelta(days=day)) for day in range(3)]
        for user in created:
            await users.create(user)
        first, total = await users.page(limit=2, offset=0)
        second, _ = await users.page(limit=1, offset=2)
        assert [*first, *second] == created[::-1]
        assert total >= 3

    async def test_stores_what_is_decided(self, users: Users) -> None:
        user = new_user()
        await users.create(user)
        wanted = replace(user, name="Bea", push_token="new", row_version=2, updated_at=LATER)
        assert await users.change(user.id, lambda _: wanted) == wanted
        assert await users.find(user.id) == wanted

    async def test_what_is_decided_without_a_change_stays_as_it_is(self, users: Users) -> None:
        user = new_user()
        await users.create(user)
        assert await users.change(user.id, lambda current: current) == user

    async def test_changes_nobody_where_nobody_is(self, users: Users) -> None:
        assert await users.change(uuid4(), lambda current: current) is None

    async def test_a_refused_decision_changes_nothing(self, users: Users) -> None:
        user = new_user()
        await users.create(user)

        def refuse(_: User) -> User:
            raise LookupError

        with pytest.raises(LookupError):
            await users.change(user.id, refuse)
        assert await users.find(user.id) == user

    async def test_refuses_a_change_to_a_taken_address(self, users: Users) -> None:
        first, second = new_user(), new_user()
        await users.create(first)
        await users.create(second)
        with pytest.raises(EmailTakenError):
            await users.change(second.id, lambda user: replace(user, email=first.email.upper()))
        assert await users.find(second.id) == second

    async def test_an_address_may_change_its_case(self, users: Users) -> None:
        user = new_user()
        await users.create(user)
        changed = await users.change(user.id, lambda u: replace(u, email=u.email.upper()))
        assert changed == replace(user, email=user.email.upper())

    async def test_changes_at_once_are_all_kept(self, users: Users) -> None:
        user = new_user()
        await users.create(user)

        def count(current: User) -> User:
            return replace(current, row_version=current.row_version + 1)

        await asyncio.gather(*(users.change(user.id, count) for _ in range(5)))
        changed = await users.find(user.id)
        assert changed is not None
        assert changed.row_version == 6
