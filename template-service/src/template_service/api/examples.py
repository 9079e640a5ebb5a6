"""What answers of this API look like: the examples of its documentation."""

from typing import Final

from pydantic.config import JsonDict

_HTML: Final = "<p>Hello {{name}}</p>"
_AT: Final = "2026-12-01T12:00:00Z"

TEMPLATE: Final[JsonDict] = {
    "code": "welcome_email",
    "template_code": "welcome_email",
    "name": "Welcome",
    "description": "The first mail to a new user.",
    "category": "onboarding",
    "ambiguous": "resend",
    "language": "en",
    "default_language": "en",
    "version": 3,
    "is_active": True,
    "email": {
        "subject": "Welcome, {{name}}",
        "body": _HTML,
        "content": _HTML,
        "text": "Hello {{name}}",
    },
    "push": None,
    "subject": "Welcome, {{name}}",
    "title": None,
    "body": _HTML,
    "content": _HTML,
    "variables": {"email": {"required": ["name"], "optional": []}},
    "languages": {"en": 3, "de": 1},
    "created_at": _AT,
    "updated_at": _AT,
}
