"""Dead letters to test with, stored nowhere."""

from typing import Any
from uuid import uuid4

from samples import NOW
from uuid_utils.compat import uuid7

from api_gateway.domain.dead_letter import DeadLetter, LetterState


def letter(**changes: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "id": uuid7(),
        "delivery_id": uuid4(),
        "generation": 0,
        "notification_id": uuid4(),
        "notification_type": "email",
        "client_id": "application:a",
        "template_code": "welcome",
        "reason": "retries_exhausted",
        "detail": "451 later",
        "headers": {},
        "received_at": NOW,
        "state": LetterState.OPEN,
    }
    return DeadLetter(**{**values, **changes})
