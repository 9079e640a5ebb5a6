"""What answers of this API look like: the examples of its documentation."""

from typing import Final

from pydantic.config import JsonDict

_USER_ID: Final = "018f2f6e-7c1a-7b1e-9c55-3f1a2b4c5d6e"
_AT: Final = "2026-12-01T12:00:00Z"

USER: Final[JsonDict] = {
    "id": _USER_ID,
    "user_id": _USER_ID,
    "name": "John Doe",
    "email": "john@example.com",
    "language": "en",
    "timezone": "Europe/Berlin",
    "preferences": {"email": True, "push": True},
    "push_token": "device-token",
    "is_active": True,
    "role": "user",
    "created_at": _AT,
    "updated_at": _AT,
}
TOKEN: Final[JsonDict] = {
    "token": "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl",
    "access_token": "eyJhbGciOiJFUzI1NiJ9.e30.c2lnbmF0dXJl",
    "token_type": "bearer",
    "expires_in": 900,
    "refresh_token": "nr_AZPxnwAAcACAAAAAAAAAAg…",
    "refresh_expires_in": 2592000,
    "user_id": _USER_ID,
    "role": "user",
}
SIGNED_OUT: Final[JsonDict] = {
    "success": True,
    "message": "Signed out.",
    "data": None,
    "error": None,
    "meta": None,
}
API_KEY: Final[JsonDict] = {
    "id": "0193f19f-0000-7000-8000-000000000002",
    "name": "shop",
    "prefix": "nk_Zm9v",
    "scopes": ["notifications:send"],
    "rate_limit_per_minute": 600,
    "is_active": True,
    "created_by": f"user:{_USER_ID}",
    "created_at": _AT,
    "last_used_at": None,
    "expires_at": None,
    "previous_expires_at": None,
}
NEW_API_KEY: Final[JsonDict] = {**API_KEY, "key": "nk_Zm9vYmFyYmF6…"}
SUPPRESSION: Final[JsonDict] = {
    "address_digest": "5b3f9a" + "0" * 58,
    "notification_type": "email",
    "reason": "hard_bounce",
    "source": "smtp",
    "created_at": _AT,
    "expires_at": None,
}
KEY_SET: Final[JsonDict] = {
    "keys": [
        {
            "kty": "EC",
            "crv": "P-256",
            "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
            "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM",
            "kid": "1",
            "use": "sig",
            "alg": "ES256",
        }
    ]
}
