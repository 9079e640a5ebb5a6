"""Refresh tokens: what they look like, and that each is good for one use."""

import secrets
from datetime import datetime, timedelta
from uuid import uuid4

import pytest
from fake_sessions import FakeSessions
from fake_users import FakeUsers
from samples import NOW, new_private_key, new_user

from user_service.adapters.jwt_issuer import JwtIssuer
from user_service.domain.errors import RefreshTokenError
from user_service.domain.session import LIFETIME, SECRET_BYTES, session_of, spell_token
from user_service.domain.signing_key import SigningKey
from user_service.domain.user import User
from user_service.usecases.sessions import KeepSignedIn


class World:
    """The use case on fakes; `now` is its clock."""

    def __init__(self, *users: User) -> None:
        self.now: datetime = NOW
        self.users = FakeUsers(*users)
        self.keep = KeepSignedIn(
            self.users,
            FakeSessions(),
            JwtIssuer(SigningKey.from_pem(new_private_key()), secrets.token_hex),
            now=lambda: self.now,
            new_id=uuid4,
            random_bytes=secrets.token_bytes,
        )


@pytest.fixture
def user() -> User:
    return new_user()


@pytest.fixture
def world(user: User) -> World:
    return World(user)


def test_a_token_names_its_session_and_nothing_else_does() -> None:
    session_id = uuid4()
    token = spell_token(session_id, secrets.token_bytes(SECRET_BYTES))
    assert session_of(token) == session_id
    for other in ("", "nr_", token[3:], token[:-4], token + "AAAA", "nr_é", "nr_ä" + token, "x"):
        assert session_of(other) is None


async def test_each_token_is_good_for_one_use(world: World, user: User) -> None:
    first = await world.keep.begin(user)
    second = await world.keep.go_on(first.refresh.token)
    third = await world.keep.go_on(second.refresh.token)
    tokens = {one.refresh.token for one in (first, second, third)}
    assert len(tokens) == 3
    assert third.user == user
    assert third.refresh.token not in repr(third)


async def test_a_token_that_is_shown_again_ends_its_session(world: World, user: User) -> None:
    other = await world.keep.begin(user)
    first = await world.keep.begin(user)
    second = await world.keep.go_on(first.refresh.token)
    for token in (first.refresh.token, second.refresh.token):  # the thief's, and the owner's
        with pytest.raises(RefreshTokenError):
            await world.keep.go_on(token)
    await world.keep.go_on(other.refresh.token)  # another session goes on


async def test_a_session_lasts_as_long_as_it_is_used(world: World, user: User) -> None:
    signed_in = await world.keep.begin(user)
    for _ in range(3):
        world.now += LIFETIME - timedelta(seconds=1)
        signed_in = await world.keep.go_on(signed_in.refresh.token)
    world.now += LIFETIME
    with pytest.raises(RefreshTokenError):
        await world.keep.go_on(signed_in.refresh.token)


async def test_signing_out_ends_one_session_whichever_of_its_tokens_is_shown(
    world: World, user: User
) -> None:
    first = await world.keep.begin(user)
    second = await world.keep.go_on(first.refresh.token)
    await world.keep.end(first.refresh.token)
    with pytest.raises(RefreshTokenError):
        await world.keep.go_on(second.refresh.token)
    await world.keep.end(second.refresh.token)
    await world.keep.end("no token")


async def test_who_is_inactive_does_not_stay_signed_in(user: User) -> None:
    world = World(new_user(id=user.id, is_active=False))
    signed_in = await world.keep.begin(user)
    with pytest.raises(RefreshTokenError):
        await world.keep.go_on(signed_in.refresh.token)
