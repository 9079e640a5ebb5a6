"""Users and keys with defaults, unlike any other."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.access import Role, Scope
from servicekit.authentication import digest_of
from user_service.domain.api_key import ApiKey
from user_service.domain.user import User

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER: Final = datetime(2026, 5, 2, 12, tzinfo=UTC)
ADMIN_EMAIL: Final = "admin@example.com"
ADMIN_PASSWORD: Final = "the first of all administrators"
PASSWORD: Final = "correct horse battery staple"


def unused_email() -> str:
    return f"u{secrets.token_hex(8)}@example.com"


def new_user(**values: Any) -> User:
    user = User(
        id=uuid4(),
        email=unused_email(),
        name="Ann",
        password_hash=None,
        role=Role.USER,
        is_active=True,
        language="en",
        timezone="UTC",
        email_enabled=True,
        push_enabled=True,
        push_token=None,
        row_version=1,
        created_at=NOW,
        updated_at=NOW,
    )
    return replace(user, **values)


def new_api_key(**values: Any) -> ApiKey:
    api_key = ApiKey(
        id=uuid4(),
        name="shop",
        prefix="nk_live_abcd",
        digest=digest_of(secrets.token_hex()),
        scopes=frozenset({Scope.USERS_READ, Scope.NOTIFICATIONS_SEND}),
        rate_limit_per_minute=60,
        is_active=True,
        version=1,
        created_by="user:1",
        created_at=NOW,
        last_used_at=None,
    )
    return replace(api_key, **values)


def new_private_key() -> str:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
