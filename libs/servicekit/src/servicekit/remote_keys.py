"""The public keys of access tokens as every service but their issuer gets them."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from servicekit.errors import UnavailableError
from servicekit.service_client import ServiceClient

JWKS_PATH: Final = "/api/v1/auth/jwks.json"


def fetch_jwks_from(user_service: ServiceClient) -> Callable[[], Awaitable[dict[str, Any]]]:
    """A reader of user-service's JWKS document (RFC 7517), for `TokenVerifier`."""

    async def fetch() -> dict[str, Any]:
        document = await user_service.get(JWKS_PATH)
        if document is None:
            msg = "user-service publishes no keys."
            raise UnavailableError(msg)
        return document

    return fetch
