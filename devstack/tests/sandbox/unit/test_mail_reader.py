"""What SendGrid's API takes, and what it says of what it does not."""

import json
from typing import Any

import pytest

from devstack.sandbox.sendgrid.mail_reader import read_mail_request
from devstack.sandbox.sendgrid.sendgrid_error import SendGridError

ADA = {"email": "ada@example.org"}


def body(**changes: Any) -> bytes:
    """A good request, with fields replaced; None takes one away."""
    whole = {
        "personalizations": [{"to": [ADA]}],
        "from": {"email": "no-reply@acme.test", "name": "Acme, Ltd."},
        "subject": "Hello",
        "content": [
            {"type": "text/plain", "value": "Hi"},
            {"type": "text/html", "value": "<p>Hi</p>"},
        ],
        **changes,
    }
    return json.dumps({key: value for key, value in whole.items() if value is not None}).encode()


def test_takes_a_whole_request() -> None:
    request = read_mail_request(
        "application/json; charset=utf-8",
        body(
            custom_args={"delivery_id": "d1"},
            headers={"Message-ID": "<d1@acme.test>"},
            reply_to={"email": "help@acme.test"},
            categories=["a"],
            tracking_settings={"click_tracking": {"enable": False, "enable_text": False}},
        ),
    )
    assert request.personalizations[0].to[0].email == "ada@example.org"
    assert request.custom_args_of(request.personalizations[0]) == {"delivery_id": "d1"}


@pytest.mark.parametrize(
    ("changes", "field", "message"),
    [
        ({"from": None}, "from.email", "The from object must be provided"),
        ({"from": {"email": "jürgen@acme.test"}}, "from.email", "a valid address"),
        ({"personalizations": []}, "personalizations", "at least one personalization"),
        ({"personalizations": [{}]}, "personalizations.0.to", "at least one email object"),
        (
            {"personalizations": [{"to": [{"email": "nobody"}]}]},
            "personalizations.0.to.0.email",
            "Does not contain a valid address.",
        ),
        (
            {"personalizations": [{"to": [{**ADA, "name": "Lovelace, Ada"}]}]},
            "personalizations.0.to.0.name",
            "cannot include either",
        ),
        ({"personalizations": [{"to": [ADA], "cc": [ADA]}]}, "personalizations.0", "unique"),
        ({"subject": None}, "subject", "The subject is required"),
        ({"subject": ""}, "subject", "at least 1 character"),
        ({"content": []}, "content", "the content parameter is required"),
        ({"content": [{"type": "text/html", "value": ""}]}, "content.0.value", "at least one"),
        (
            {
                "content": [
                    {"type": "text/html", "value": "x"},
                    {"type": "text/plain", "value": "x"},
                ]
            },
            "content",
            "text/plain must be the first",
        ),
        (
            {"content": [{"type": "text/html", "value": "x"}] * 2},
            "content",
            "only be provided once",
        ),
        ({"custom_args": "x"}, "custom_args", "Expected: object, given: string"),
        ({"custom_args": {"n": 1}}, "custom_args.n", "Expected: string, given: integer"),
        ({"custom_args": {"n": "x" * 10_000}}, "personalizations.0.custom_args", "10000 bytes"),
        ({"headers": {"Reply-To": "x"}}, "headers", "reserved"),
        ({"headers": {"X-A": "1\r\nBcc: x@y.test"}}, "headers", "not a valid one"),
        ({"headers": {"X A": "1"}}, "headers", "not a valid one"),
        ({"subjekt": "x"}, "subjekt", "Additional property subjekt is not allowed"),
        ({"template_id": "d-1"}, "template_id", "not one of this account"),
        ({"categories": ["x"] * 11}, "categories", "at most 10"),
    ],
)
def test_names_the_field_that_is_wrong(changes: dict[str, Any], field: str, message: str) -> None:
    whole = json.loads(body())
    whole.update(changes)
    for key, value in changes.items():
        if value is None:
            del whole[key]
    with pytest.raises(SendGridError) as caught:
        read_mail_request("application/json", json.dumps(whole).encode())
    assert caught.value.status == 400
    (problem,) = caught.value.problems
    assert problem.field == field
    assert message in problem.message


def test_refuses_what_is_no_json() -> None:
    with pytest.raises(SendGridError) as caught:
        read_mail_request("application/json", b"{")
    assert (caught.value.status, str(caught.value)) == (400, "Bad Request")


def test_refuses_another_content_type() -> None:
    with pytest.raises(SendGridError) as caught:
        read_mail_request("text/plain", body())
    assert caught.value.status == 415


def test_refuses_a_lone_surrogate() -> None:
    with pytest.raises(SendGridError) as caught:
        read_mail_request("application/json", body(subject="\ud800"))
    assert caught.value.status == 400
