import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.access import ApiKeyRecord, Role, Scope
from servicekit.access import CallerKind, Credentials
from servicekit.authentication import Authenticator, digest_of
from servicekit.errors import UnauthenticatedError, UnavailableError
from servicekit.tokens import TokenError, TokenVerifier

KEY_ID = uuid.uuid4()


class KnownKeys:
    """API keys by their digests."""

    def __init__(self, *, is_active: bool = True, expires_at: datetime | None = None) -> None:
        record = ApiKeyRecord(
            id=KEY_ID,
            name="shop",
            version=1,
            scopes=frozenset({Scope.NOTIFICATIONS_SEND}),
            is_active=is_active,
            expires_at=expires_at,
        )
        self._records = {digest_of("good-key"): record}

    async def find(self, digest: str) -> ApiKeyRecord | None:
        return self._records.get(digest)


class KeysAway:
    async def find(self, digest: str) -> ApiKeyRecord | None:
        msg = "user-service does not answer."
        raise UnavailableError(msg)


class KnownTokens(TokenVerifier):
    """Claims by the token that holds them."""

    def __init__(self, known: Mapping[str, Mapping[str, Any]]) -> None:
        self._known = known

    async def verify(self, token: str) -> Mapping[str, Any]:
        if token not in self._known:
            msg = "The token is not valid."
            raise TokenError(msg)
        return self._known[token]


TOKENS = KnownTokens(
    {
        "user": {"sub": "u1"},
        "admin": {"sub": "a1", "role": "admin"},
        "odd": {"sub": "o", "role": "x"},
    }
)
EVERYTHING = Authenticator(
    api_keys=KnownKeys(), tokens=TOKENS, service_tokens={"api-gateway": "s3cret", "empty": ""}
)


def showing(
    api_key: str | None = None, bearer: str | None = None, service_token: str | None = None
) -> Credentials:
    return Credentials(api_key, bearer, service_token)


async def test_recognises_an_application_by_its_key() -> None:
    found = await EVERYTHING(showing(api_key="good-key"))
    assert (found.kind, found.id) == (CallerKind.APPLICATION, str(KEY_ID))
    assert found.scopes == {Scope.NOTIFICATIONS_SEND}
    assert not found.is_admin


async def test_recognises_a_user_and_an_admin_by_their_tokens() -> None:
    user, admin = (
        await EVERYTHING(showing(bearer="user")),
        await EVERYTHING(showing(bearer="admin")),
    )
    assert (user.kind, user.id, user.role) == (CallerKind.USER, "u1", Role.USER)
    assert (admin.id, admin.is_admin) == ("a1", True)


async def test_recognises_a_service_by_its_token() -> None:
    found = await EVERYTHING(showing(service_token="api-gateway:s3cret"))
    assert (found.kind, found.id) == (CallerKind.SERVICE, "api-gateway")


@pytest.mark.parametrize(
    "shown",
    [
        showing(),
        showing(api_key=""),
        showing(api_key="bad-key"),
        showing(api_key="good-key "),
        showing(api_key="GOOD-KEY"),
        showing(api_key=digest_of("good-key")),
        showing(bearer="forged"),
        showing(bearer=""),
        showing(bearer="odd"),
        showing(service_token=""),
        showing(service_token="api-gateway"),
        showing(service_token="api-gateway:"),
        showing(service_token=":s3cret"),
        showing(service_token="stranger:s3cret"),
        showing(service_token="api-gateway:s3cret2"),
        showing(service_token="api-gateway:s3cre"),
        showing(service_token="api-gateway:\xfc"),
        showing(service_token="empty:"),
        showing(api_key="good-key", service_token="api-gateway:wrong"),
        showing(api_key="bad-key", bearer="admin"),
    ],
)
async def test_refuses(shown: Credentials) -> None:
    with pytest.raises(UnauthenticatedError):
        await EVERYTHING(shown)


async def test_does_not_tell_a_revoked_key_from_an_unknown_one() -> None:
    keys = KnownKeys(is_active=False)
    revoked = await refusal_of(Authenticator(api_keys=keys), showing(api_key="good-key"))
    unknown = await refusal_of(EVERYTHING, showing(api_key="bad-key"))
    assert revoked == unknown


async def test_a_key_ends_when_it_says() -> None:
    end = datetime(2026, 12, 1, tzinfo=UTC)
    keys, shown = KnownKeys(expires_at=end), showing(api_key="good-key")
    before = Authenticator(api_keys=keys, now=lambda: end - timedelta(seconds=1))
    assert (await before(shown)).id == str(KEY_ID)
    expired = await refusal_of(Authenticator(api_keys=keys, now=lambda: end), shown)
    assert expired == await refusal_of(EVERYTHING, showing(api_key="bad-key"))


async def test_does_not_tell_an_unknown_service_from_a_wrong_token() -> None:
    unknown = await refusal_of(EVERYTHING, showing(service_token="stranger:x"))
    wrong = await refusal_of(EVERYTHING, showing(service_token="api-gateway:x"))
    assert unknown == wrong


async def refusal_of(authenticate: Authenticator, shown: Credentials) -> str:
    with pytest.raises(UnauthenticatedError) as caught:
        await authenticate(shown)
    return caught.value.message


async def test_takes_only_the_kinds_that_it_was_given() -> None:
    for shown in (
        showing(api_key="good-key"),
        showing(bearer="user"),
        showing(service_token="api-gateway:s3cret"),
    ):
        with pytest.raises(UnauthenticatedError):
            await Authenticator()(shown)


async def test_says_that_it_cannot_know_rather_than_refuse() -> None:
    with pytest.raises(UnavailableError):
        await Authenticator(api_keys=KeysAway())(showing(api_key="good-key"))


async def test_tells_clients_of_bearer_tokens_what_was_wrong() -> None:
    with pytest.raises(UnauthenticatedError) as caught:
        await EVERYTHING(showing(bearer="forged"))
    assert caught.value.headers == {"WWW-Authenticate": 'Bearer error="invalid_token"'}
