"""The demo templates: each file is the body of one `POST /api/v1/templates`."""

import json
from pathlib import Path
from typing import Any

import pytest

from template_service.api.commands import new_template
from template_service.api.schemas import CreateTemplateBody
from template_service.domain.content import prepare_content
from templating import compile_email, compile_push

FILES = sorted((Path(__file__).parents[2] / "demo").glob("*.json"))
FULL: dict[str, Any] = {
    "name": "Ann <b>",
    "link": "https://example.com/a?b=c&d=e",
    "code": "123456",
    "minutes": 15,
    "order_number": "A-17",
    "total": "30.00 EUR",
    "items": [{"name": "Tea", "quantity": 2, "price": "15.00 EUR"}],
    "event": "A new sign-in",
    "device": "Firefox on Linux",
    "location": "Berlin",
    "time": "12:00",
}


def test_the_five_that_the_tour_needs_are_there() -> None:
    assert {file.stem for file in FILES} == {
        "email_verification",
        "order_confirmation",
        "password_reset",
        "security_alert",
        "welcome_email",
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
@pytest.mark.parametrize("complete", [True, False])
def test_renders_on_both_channels_with_all_or_only_the_required_variables(
    file: Path, complete: bool
) -> None:
    body = CreateTemplateBody.model_validate(json.loads(file.read_text(encoding="utf-8")))
    assert body.code == file.stem
    content = prepare_content(new_template(body).content).content
    assert content.email is not None
    assert content.push is not None
    email, push = compile_email(content.email), compile_push(content.push)
    required = {*email.required, *push.required}
    variables = {name: value for name, value in FULL.items() if complete or name in required}
    mail = email.render(variables)
    assert mail.subject
    assert mail.text is not None
    assert "<" not in mail.text.replace(FULL["name"], "")
    assert FULL["name"] not in mail.html  # it came in escaped
    if complete and "link" in content.email.html:
        assert FULL["link"] in mail.text
        assert FULL["link"].replace("&", "&amp;") in mail.html
    message = push.render(variables)
    assert message.title
    assert message.body
    assert message.link in {None, FULL["link"]}
