"""Texts in requests that every later stage can carry; each is bounded where it is used.

PostgreSQL takes no NUL. Half a surrogate pair, which JSON can spell and UTF-8 cannot carry, is
refused by pydantic itself (`string_unicode`) in a `str`, and not in a `SecretStr`.
"""

from typing import Annotated, Final

from pydantic import AfterValidator, SecretStr, StringConstraints
from pydantic_core import PydanticCustomError, PydanticKnownError

from contracts.language import MAX_LENGTH, canonical_language


def _without_nul(value: str) -> str:
    if "\0" in value:
        raise PydanticCustomError("nul_character", "The text must not hold a NUL character.")
    return value


def _storable_secret(value: SecretStr) -> SecretStr:
    text = _without_nul(value.get_secret_value())
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise PydanticKnownError("string_unicode")
    return value


def _language(value: str) -> str:
    try:
        return canonical_language(value)
    except ValueError as error:
        raise PydanticCustomError(
            "language_tag", "The language {reason}.", {"reason": str(error)}
        ) from error


NO_NUL: Final = AfterValidator(_without_nul)
"""For `Annotated[str, StringConstraints(max_length=…), NO_NUL]`."""

SECRET_TEXT: Final = AfterValidator(_storable_secret)
"""The same for a `SecretStr`."""

Name = Annotated[
    str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True), NO_NUL
]
"""What people call a thing; spaces around it are not part of it."""

Language = Annotated[str, StringConstraints(max_length=MAX_LENGTH), AfterValidator(_language)]
"""A BCP 47 tag, brought into the usual spelling."""
