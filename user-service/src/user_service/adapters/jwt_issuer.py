"""Access tokens (RFC 7519) signed with this service's key, and the public key for everybody."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

from servicekit.tokens import AUDIENCE, ISSUER, sign_access_token
from user_service.domain.ports import AccessToken
from user_service.domain.signing_key import SigningKey
from user_service.domain.user import User

LIFETIME_SECONDS: Final = 15 * 60


class JwtIssuer:
    """The port `TokenIssuer`.

    Args:
        signing_key: Nobody else has it.
        new_token_id: Makes `jti`, unique for each token.
    """

    def __init__(self, signing_key: SigningKey, new_token_id: Callable[[], str]) -> None:
        self._signing_key = signing_key
        self._new_token_id = new_token_id

    def issue(self, user: User, now: datetime) -> AccessToken:
        """A token that says who the user is and in which role."""
        issued_at = int(now.timestamp())
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user.id),
            "iat": issued_at,
            "exp": issued_at + LIFETIME_SECONDS,
            "jti": self._new_token_id(),
            "role": user.role.value,
        }
        token = sign_access_token(claims, self._signing_key.pem, self._signing_key.key_id)
        return AccessToken(token, LIFETIME_SECONDS)

    async def public_keys(self) -> dict[str, Any]:
        """The JWKS document (RFC 7517 §5)."""
        return {"keys": [self._signing_key.public_jwk()]}
