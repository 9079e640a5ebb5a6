from typing import Any

import pytest
from pydantic import ValidationError

from template_service.api.schemas import CreateTemplateBody, PublishVersionBody

EMAIL = {"subject": "Hi", "body": "<p>Hi</p>"}


def problems(body: object) -> list[tuple[str, str]]:
    with pytest.raises(ValidationError) as raised:
        CreateTemplateBody.model_validate(body)
    return [
        (".".join(str(part) for part in item["loc"]), item["type"])
        for item in raised.value.errors()
    ]


@pytest.mark.parametrize("code", ["code", "template_code"])
@pytest.mark.parametrize("body", ["body", "content"])
def test_flat_and_nested_emails_in_either_tradition_are_the_same(code: str, body: str) -> None:
    nested = {code: "welcome", "email": {"subject": "Hi", body: "<p>Hi</p>", "text": "Hi"}}
    flat = {code: "welcome", "subject": "Hi", body: "<p>Hi</p>", "text": "Hi"}
    assert CreateTemplateBody.model_validate(flat) == CreateTemplateBody.model_validate(nested)


def test_defaults_are_those_of_the_documentation() -> None:
    body = CreateTemplateBody.model_validate({"code": "welcome", **EMAIL})
    assert (body.category, body.language, body.ambiguous, body.name) == (
        "general",
        "en",
        "resend",
        None,
    )


def test_a_change_leaves_out_what_it_does_not_name() -> None:
    body = PublishVersionBody.model_validate({"email": EMAIL})
    assert (body.name, body.description, body.category, body.language) == (None, None, None, None)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"code": None}, ("code", "string_type")),
        ({"code": "Welcome"}, ("code", "string_pattern_mismatch")),
        ({"code": "-x"}, ("code", "string_pattern_mismatch")),
        ({"code": "a" * 101}, ("code", "string_pattern_mismatch")),
        ({"code": "a\n"}, ("code", "string_pattern_mismatch")),
        ({"template_code": "other"}, ("template_code", "extra_forbidden")),
        ({"unknown": 1}, ("unknown", "extra_forbidden")),
        ({"name": ""}, ("name", "string_too_short")),
        ({"name": "a\0b"}, ("name", "nul_character")),
        ({"category": "No Such"}, ("category", "string_pattern_mismatch")),
        ({"ambiguous": "perhaps"}, ("ambiguous", "enum")),
        ({"language": "en_US"}, ("language", "language_tag")),
        ({"subject": "Twice"}, ("subject", "extra_forbidden")),
        ({"email": {"subject": "Hi"}}, ("email.body", "missing")),
        ({"email": {**EMAIL, "content": "x"}}, ("email.content", "extra_forbidden")),
        ({"email": {**EMAIL, "body": ""}}, ("email.body", "string_too_short")),
        ({"email": {**EMAIL, "body": "a\0"}}, ("email.body", "nul_character")),
        ({"email": {**EMAIL, "body": 1}}, ("email.body", "string_type")),
        ({"email": {**EMAIL, "body": "\ud800"}}, ("email.body", "string_unicode")),
        ({"email": "x"}, ("email", "model_type")),
        ({"push": {"title": "Hi"}}, ("push.body", "missing")),
        ({"push": {"title": "Hi", "body": "x", "data": {"a": 1}}}, ("push.data.a", "string_type")),
        (
            {"push": {"title": "Hi", "body": "x", "data": {"a b": "c"}}},
            ("push.data.a b.[key]", "string_pattern_mismatch"),
        ),
    ],
)
def test_names_the_field_that_is_wrong(change: dict[str, Any], expected: tuple[str, str]) -> None:
    assert expected in problems({"code": "welcome", "email": EMAIL, **change})


def test_a_flat_email_is_checked_like_a_nested_one() -> None:
    assert problems({"code": "welcome", "subject": "Hi"}) == [("email.body", "missing")]


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_refuses_a_body_that_is_no_object(body: object) -> None:
    assert problems(body) == [("", "model_type")]
