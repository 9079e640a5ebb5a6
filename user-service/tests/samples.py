"""Users, keys and suppressions with defaults, unlike any other."""

import secrets
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from contracts.access import Role, Scope
from contracts.notification import NotificationType
from contracts.outcome import DeliveryOutcome, OutcomeKind
from contracts.suppression import SuppressionNotice, SuppressionReason, address_digest
from servicekit.authentication import digest_of
from user_service.domain.api_key import ApiKey
from user_service.domain.suppression import Suppression
from user_service.domain.user import User

NOW: Final = datetime(2026, 5, 1, 12, tzinfo=UTC)
LATER: Final = datetime(2026, 5, 2, 12, tzinfo=UTC)
ADMIN_EMAIL: Final = "admin@example.com"
ADMIN_PASSWORD: Final = "the first of all administrators"
PASSWORD: Final = "correct horse battery staple"
SUPPRESSION_KEY: Final = "the key of all addresses' digests"


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
        category_choices={},
        quiet_hours=None,
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


def email_digest(email: str) -> str:
    return address_digest(SUPPRESSION_KEY.encode(), NotificationType.EMAIL, email)


def new_suppression(email: str | None = None, **values: Any) -> Suppression:
    suppression = Suppression(
        address_digest=email_digest(email or unused_email()),
        notification_type=NotificationType.EMAIL,
        reason=SuppressionReason.HARD_BOUNCE,
        source="smtp",
        created_at=NOW,
    )
    return replace(suppression, **values)


def new_outcome(email: str | None, **values: Any) -> DeliveryOutcome:
    """What a worker reports of a delivery to an address that turned out to be dead."""
    notice = None
    if email is not None:
        notice = SuppressionNotice(
            notification_type=NotificationType.EMAIL,
            address_digest=email_digest(email),
            reason=SuppressionReason.HARD_BOUNCE,
            source="smtp",
        )
    outcome = DeliveryOutcome(
        event_id=uuid4(),
        kind=OutcomeKind.FAILED,
        delivery_id=uuid4(),
        notification_id="notif_1",
        generation=0,
        attempt=1,
        at=NOW,
        suppression=notice,
        correlation_id="tests",
    )
    return outcome.model_copy(update=values)


def new_private_key() -> str:
    key = generate_private_key(SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
