"""Redis keys that more than one process reads, so that owner and reader cannot disagree."""

from typing import Final
from uuid import UUID


def user_key(user_id: UUID) -> str:
    """Holds the `UserSnapshot`; written by user-service and the gateway, the newer row wins."""
    return f"user:{user_id}"


def template_key(code: str) -> str:
    """Holds the `TemplateSnapshot`; written by template-service and the gateway, likewise."""
    return f"template:{code}"


CATEGORIES_KEY: Final = "categories"
"""Holds the `CategoryCatalogue`; written by user-service and the gateway, likewise."""


def api_key_key(digest: str) -> str:
    """Holds the `ApiKeyRecord` with this SHA-256 (hex); written by user-service."""
    return f"apikey:{digest}"


def suppression_key(address_digest: str) -> str:
    """Holds why nothing is sent to the address with this digest; written by user-service."""
    return f"suppressed:{address_digest}"
