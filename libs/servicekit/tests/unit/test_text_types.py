import json
from typing import Annotated

import pytest
from pydantic import BaseModel, SecretStr, StringConstraints, ValidationError

from servicekit.text_types import NO_NUL, SECRET_TEXT, Language, Name


class Body(BaseModel):
    name: Name = "x"
    text: Annotated[str, StringConstraints(max_length=5), NO_NUL] = ""
    password: Annotated[SecretStr, SECRET_TEXT] = SecretStr("")
    language: Language = "en"


@pytest.mark.parametrize(
    ("field", "value", "kind"),
    [
        ("name", "", "string_too_short"),
        ("name", "  ", "string_too_short"),
        ("name", "n" * 201, "string_too_long"),
        ("name", "a\0", "nul_character"),
        ("text", "\0", "nul_character"),
        ("text", "\ud83d", "string_unicode"),
        ("password", "\0", "nul_character"),
        ("password", "\ud83d", "string_unicode"),
        ("language", "en_US", "language_tag"),
        ("language", "e" * 101, "string_too_long"),
        ("language", "en\0", "language_tag"),
        ("language", "\ud83d", "string_unicode"),
    ],
)
def test_a_text_that_a_later_stage_cannot_carry_is_refused(
    field: str, value: str, kind: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Body.model_validate(json.loads(json.dumps({field: value})))
    assert [(error["loc"], error["type"]) for error in caught.value.errors()] == [((field,), kind)]


def test_other_texts_are_taken_as_people_write_them() -> None:
    body = Body.model_validate({"name": " Zoë 🎈 ", "text": "\t\n", "language": "PT-br"})
    assert (body.name, body.text, body.language) == ("Zoë 🎈", "\t\n", "pt-BR")
