"""`POST /templates/{code}/versions/{version}/render`, as the gateway calls it."""

from typing import Any

import httpx
import pytest
from running_app import MakeKey, shown_by
from samples import unused_code

from contracts.access import Scope
from contracts.template_rendering import RenderedHeadline, RenderingRequest

PATH = "/api/v1/templates"


@pytest.fixture
async def code(client: httpx.AsyncClient, writer: dict[str, str]) -> str:
    code = unused_code()
    first = {"code": code, "subject": "Old {{ user.name }}", "body": "<p>{{ link }}</p>"}
    assert (await client.post(PATH, json=first, headers=writer)).status_code == 201
    second = {"subject": "New", "body": "<p>New</p>"}
    assert (await client.put(f"{PATH}/{code}", json=second, headers=writer)).status_code == 200
    return code


def asked(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "language": "en",
        "notification_type": "email",
        "variables": {"user": {"name": "Zoë"}, "link": "https://example.com"},
    }
    return {**values, **changes}


async def test_the_gateway_gets_the_headline_of_exactly_that_version(
    client: httpx.AsyncClient, code: str
) -> None:
    body = RenderingRequest.model_validate(asked()).model_dump(mode="json")
    for version, headline in ((1, "Old Zoë"), (2, "New"), (1, "Old Zoë")):
        answer = await client.post(
            f"{PATH}/{code}/versions/{version}/render", json=body, headers=shown_by("api-gateway")
        )
        assert answer.status_code == 200
        rendered = RenderedHeadline.model_validate(answer.json()["data"])
        assert rendered == RenderedHeadline(headline=headline)


async def test_what_cannot_be_rendered_is_an_answer_too(
    client: httpx.AsyncClient, code: str
) -> None:
    answer = await client.post(
        f"{PATH}/{code}/versions/1/render",
        json=asked(variables={"user": {}, "link": "x"}),
        headers=shown_by("api-gateway"),
    )
    assert answer.status_code == 200
    assert answer.json()["data"] == {"headline": None, "problem": "missing variables: user.name"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"notification_type": "push"}, (404, "template_not_found")),
        ({"language": "de"}, (404, "template_not_found")),
        ({"language": "\0"}, (422, "validation_failed")),
        ({"variables": []}, (422, "validation_failed")),
        ({"unknown": 1}, (422, "validation_failed")),
    ],
)
async def test_what_is_not_there_or_not_right_is_refused(
    client: httpx.AsyncClient, code: str, changes: dict[str, Any], expected: tuple[int, str]
) -> None:
    answer = await client.post(
        f"{PATH}/{code}/versions/1/render",
        json=asked(**changes),
        headers=shown_by("api-gateway"),
    )
    assert (answer.status_code, answer.json()["error"]) == expected


async def test_it_is_for_the_gateway_alone(
    client: httpx.AsyncClient, application: MakeKey, code: str
) -> None:
    path = f"{PATH}/{code}/versions/1/render"
    for headers in (shown_by("email-service"), await application(Scope.TEMPLATES_READ)):
        assert (await client.post(path, json=asked(), headers=headers)).status_code == 403
    assert (await client.post(path, json=asked())).status_code == 401
