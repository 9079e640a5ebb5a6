"""How every `Sessions` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from samples import LATER, NOW, new_user

from servicekit.authentication import digest_of
from user_service.domain.ports import Users
from user_service.domain.session import MOST_SESSIONS, Session
from user_service.domain.session_ports import Sessions


def new_session(user_id: UUID, **values: object) -> Session:
    session = Session(uuid4(), user_id, digest_of(secrets.token_hex()), NOW, LATER)
    return replace(session, **values)  # type: ignore[arg-type]  # each by its own name


async def kept(sessions: Sessions, session: Session) -> Session | None:
    return await sessions.change(session.id, lambda one: one)


class SessionsSuite:
    @pytest.fixture
    async def user_id(self, users: Users) -> UUID:
        return (await users.create(new_user())).id

    async def test_keeps_what_was_created_and_what_is_decided(
        self, sessions: Sessions, user_id: UUID
    ) -> None:
        session = new_session(user_id)
        await sessions.create(session)
        assert await kept(sessions, session) == session
        changed = replace(session, digest=digest_of("next"), expires_at=LATER + timedelta(days=1))
        assert await sessions.change(session.id, lambda _: changed) == changed
        assert await kept(sessions, session) == changed

    async def test_what_is_over_is_gone(self, sessions: Sessions, user_id: UUID) -> None:
        session = new_session(user_id)
        await sessions.create(session)
        assert await sessions.change(session.id, lambda _: None) is None
        assert await kept(sessions, session) is None
        assert await kept(sessions, new_session(user_id)) is None

    async def test_of_many_at_once_each_sees_the_one_before(
        self, sessions: Sessions, user_id: UUID
    ) -> None:
        session = new_session(user_id)
        await sessions.create(session)
        seen = []

        def decide(one: Session) -> Session:
            seen.append(one.digest)
            return replace(one, digest=digest_of(one.digest))

        await asyncio.gather(*(sessions.change(session.id, decide) for _ in range(5)))
        assert len(set(seen)) == 5

    async def test_ends_all_of_one_user_and_nobody_elses(
        self, sessions: Sessions, users: Users, user_id: UUID
    ) -> None:
        other = new_session((await users.create(new_user())).id)
        several = [new_session(user_id) for _ in range(3)]
        for session in (*several, other):
            await sessions.create(session)
        assert await sessions.end_all(user_id) == 3
        assert await sessions.end_all(user_id) == 0
        assert [await kept(sessions, one) for one in several] == [None] * 3
        assert await kept(sessions, other) == other

    async def test_the_oldest_give_way(self, sessions: Sessions, user_id: UUID) -> None:
        several = [
            new_session(user_id, created_at=NOW + timedelta(seconds=number))
            for number in range(MOST_SESSIONS + 2)
        ]
        for session in several:
            await sessions.create(session)
        assert [await kept(sessions, one) for one in several[:2]] == [None, None]
        assert [await kept(sessions, one) for one in several[2:]] == several[2:]
