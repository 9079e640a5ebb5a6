from uuid import UUID, uuid4

import pytest
from fake_api_keys import FakeApiKeys
from fake_passwords import FakePasswords
from fake_sessions import FakeSessions
from fake_snapshots import FakeSnapshots
from fake_users import FakeUsers
from samples import LATER, NOW, PASSWORD, new_private_key, new_user

from contracts.access import Role, Scope
from servicekit.access import CallerKind, Principal
from servicekit.authentication import digest_of
from servicekit.errors import ForbiddenError
from user_service.adapters.jwt_issuer import JwtIssuer
from user_service.domain.errors import (
    ApiKeyNotFoundError,
    EmailTakenError,
    InvalidCredentialsError,
    UserNotFoundError,
)
from user_service.domain.signing_key import SigningKey
from user_service.domain.user import User
from user_service.domain.user_changes import UserChanges
from user_service.usecases.create_api_key import CreateApiKey
from user_service.usecases.create_user import CreateUser, NewUser
from user_service.usecases.ensure_first_admin import EnsureFirstAdmin
from user_service.usecases.find_api_key import FindApiKey
from user_service.usecases.get_user import GetUser
from user_service.usecases.revoke_api_key import RevokeApiKey
from user_service.usecases.sessions import KeepSignedIn
from user_service.usecases.sign_in import SignIn
from user_service.usecases.update_user import UpdateUser

ADMIN = Principal(CallerKind.USER, "1", role=Role.ADMIN)
APPLICATION = Principal(CallerKind.APPLICATION, "1", scopes=frozenset({Scope.USERS_WRITE}))


class World:
    """The use cases on fakes, with what they left behind."""

    def __init__(self, *users: User) -> None:
        self.users = FakeUsers(*users)
        self.api_keys = FakeApiKeys()
        self.passwords = FakePasswords()
        self.snapshots = FakeSnapshots()
        self.create_user = CreateUser(
            self.users, self.passwords, self.snapshots, now=lambda: NOW, new_id=uuid4
        )
        keep_signed_in = KeepSignedIn(
            self.users,
            FakeSessions(),
            JwtIssuer(SigningKey.from_pem(new_private_key()), lambda: "jti"),
            now=lambda: NOW,
            new_id=uuid4,
            random_bytes=bytes,
        )
        self.update_user = UpdateUser(
            self.users, self.passwords, self.snapshots, keep_signed_in, now=lambda: LATER
        )
        self.sign_in = SignIn(self.users, self.passwords, keep_signed_in)
        self.create_api_key = CreateApiKey(
            self.api_keys, self.snapshots, now=lambda: NOW, new_id=uuid4, random_bytes=bytes
        )
        self.revoke_api_key = RevokeApiKey(self.api_keys, self.snapshots)
        self.ensure_first_admin = EnsureFirstAdmin(self.users, self.create_user)


async def test_a_new_user_is_no_administrator_and_told_to_the_gateway() -> None:
    world = World()
    user = await world.create_user(NewUser(name="Ann", email="a@example.com", password=PASSWORD))
    assert (user.role, user.is_active, user.row_version) == (Role.USER, True, 1)
    assert user.password_hash is not None
    assert await world.passwords.verify(PASSWORD, user.password_hash)
    assert await world.users.find(user.id) == user
    assert world.snapshots.users == {user.id: user.snapshot()}


async def test_a_refused_user_is_not_told_to_the_gateway() -> None:
    world = World(new_user(email="a@example.com"))
    with pytest.raises(EmailTakenError):
        await world.create_user(NewUser(name="Ann", email="A@example.com"))
    assert world.snapshots.users == {}


async def test_a_change_is_told_to_the_gateway() -> None:
    user = new_user()
    world = World(user)
    changed = await world.update_user(user.id, UserChanges(push_enabled=False), by=APPLICATION)
    assert (changed.push_enabled, changed.row_version, changed.updated_at) == (False, 2, LATER)
    assert world.snapshots.users == {user.id: changed.snapshot()}


async def test_a_changed_password_is_hashed() -> None:
    user = new_user()
    world = World(user)
    changed = await world.update_user(user.id, UserChanges(), password=PASSWORD, by=APPLICATION)
    assert changed.password_hash not in {None, PASSWORD}
    assert await world.passwords.verify(PASSWORD, changed.password_hash)


@pytest.mark.parametrize(
    ("by", "role", "is_allowed"),
    [
        (ADMIN, Role.ADMIN, True),
        (APPLICATION, Role.USER, True),
        (APPLICATION, Role.ADMIN, False),
        (Principal(CallerKind.APPLICATION, "2", frozenset({Scope.ADMIN})), Role.ADMIN, True),
        (Principal(CallerKind.USER, "3", role=Role.USER), Role.USER, False),
    ],
)
async def test_who_may_deactivate_whom(by: Principal, role: Role, is_allowed: bool) -> None:
    user = new_user(role=role)
    world = World(user)
    changes = UserChanges(is_active=False)
    if is_allowed:
        assert not (await world.update_user(user.id, changes, by=by)).is_active
    else:
        with pytest.raises(ForbiddenError):
            await world.update_user(user.id, changes, by=by)
        assert await world.users.find(user.id) == user


async def test_an_unknown_user_is_not_found() -> None:
    world = World()
    with pytest.raises(UserNotFoundError):
        await world.update_user(uuid4(), UserChanges(), by=ADMIN)
    with pytest.raises(UserNotFoundError):
        await GetUser(world.users)(uuid4())


async def test_every_refused_sign_in_costs_one_hash() -> None:
    hashed = await FakePasswords().hash(PASSWORD)
    world = World(
        new_user(email="right@example.com", password_hash=hashed),
        new_user(email="inactive@example.com", password_hash=hashed, is_active=False),
        new_user(email="without@example.com"),
    )
    for email, password in (
        ("right@example.com", "wrong"),
        ("inactive@example.com", PASSWORD),
        ("without@example.com", PASSWORD),
        ("unknown@example.com", PASSWORD),
        ("no address", PASSWORD),
    ):
        with pytest.raises(InvalidCredentialsError):
            await world.sign_in(email, password)
    assert world.passwords.verified == [hashed, hashed, None, None, None]
    signed_in = await world.sign_in("RIGHT@example.com", PASSWORD)
    assert signed_in.user.email == "right@example.com"


async def test_a_key_is_kept_as_its_digest_and_told_to_all_services() -> None:
    world = World()
    created = await world.create_api_key(
        name="shop", scopes=frozenset({Scope.USERS_READ}), rate_limit_per_minute=None, by="user:1"
    )
    digest = digest_of(created.key)
    assert created.key not in repr(created)
    assert await FindApiKey(world.api_keys).find(digest) == created.api_key.record()
    assert world.snapshots.api_keys == {digest: created.api_key.record()}
    revoked = await world.revoke_api_key(created.api_key.id)
    assert (revoked.is_active, revoked.version) == (False, 2)
    assert world.snapshots.api_keys == {digest: revoked.record()}


async def test_an_unknown_key_is_not_revoked() -> None:
    with pytest.raises(ApiKeyNotFoundError):
        await World().revoke_api_key(UUID(int=0))


async def test_the_first_administrator_is_created_once() -> None:
    world = World()
    await world.ensure_first_admin("admin@example.com", PASSWORD)
    admin = await world.users.find_by_email("admin@example.com")
    assert admin is not None
    assert admin.role is Role.ADMIN
    await world.ensure_first_admin("ADMIN@example.com", "another password")
    assert await world.users.page(limit=10, offset=0) == ([admin], 1)


class LateUsers(FakeUsers):
    """A replica's view a moment before another replica creates the administrator."""

    async def find_by_email(self, email: str) -> User | None:
        return None


async def test_a_replica_that_comes_second_goes_on() -> None:
    existing = new_user(email="admin@example.com", role=Role.ADMIN)
    world = World()
    late = LateUsers(existing)
    create = CreateUser(late, world.passwords, world.snapshots, now=lambda: NOW, new_id=uuid4)
    await EnsureFirstAdmin(late, create)("admin@example.com", PASSWORD)
    assert await late.page(limit=10, offset=0) == ([existing], 1)
