"""Template versions: fetched once, compiled once, kept; and what can go wrong with them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from deliveries import make_delivery

from contracts.template_snapshot import TemplateVersion
from delivery.errors import PermanentDeliveryError
from delivery.rendering import TemplateRenderer, TemplateUnavailableError
from servicekit.service_client import ServiceClient
from templating import TemplatingError


class RefusedError(TemplatingError):
    """What the templating library raises."""


@dataclass
class Compiled:
    """A template that puts its subject in front of the values."""

    subject: str

    def render(self, variables: Mapping[str, Any]) -> str:
        if "name" not in variables:
            msg = "name is missing"
            raise RefusedError(msg)
        return f"{self.subject} {variables['name']}"


@dataclass
class TemplateService:
    """Answers over HTTP, from memory."""

    status: int = 200
    is_away: bool = False
    asked: list[str] = field(default_factory=list)
    compiled: list[TemplateVersion] = field(default_factory=list)

    async def answer(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        self.asked.append(request.url.raw_path.decode())
        if self.is_away:
            msg = "refused"
            raise httpx.ConnectError(msg)
        if self.status != 200:
            return httpx.Response(self.status, json={})
        parts = request.url.raw_path.decode().partition("?")[0].split("/")
        source = {"subject": f"Hello {parts[-1]}", "html": "", "text": ""}
        version = {
            "code": parts[-3],
            "language": request.url.params["language"],
            "version": int(parts[-1]),
            "email": None if parts[-3] == "push-only" else source,
        }
        return httpx.Response(200, json={"success": True, "data": version})

    def compile(self, version: TemplateVersion) -> Compiled | None:
        self.compiled.append(version)
        if version.code == "broken":
            msg = "line 3"
            raise RefusedError(msg)
        return Compiled(version.email.subject) if version.email else None

    def renderer(self, *, kept_versions: int = 10) -> TemplateRenderer[str]:
        client = httpx.AsyncClient(
            transport=httpx.MockTransport(self.answer), base_url="http://templates"
        )
        return TemplateRenderer(
            ServiceClient("template-service", client), self.compile, kept_versions=kept_versions
        )


async def test_fetches_and_compiles_a_version_once() -> None:
    service = TemplateService()
    renderer = service.renderer()
    first = await renderer.render(make_delivery())
    second = await renderer.render(make_delivery(variables={"name": "Bob"}))
    assert (first, second) == ("Hello 3 Ada", "Hello 3 Bob")
    assert service.asked == ["/api/v1/templates/welcome/versions/3?language=en"]
    assert len(service.compiled) == 1


async def test_fetches_and_compiles_it_once_for_all_that_need_it_at_the_same_time() -> None:
    service = TemplateService()
    renderer = service.renderer()
    rendered = await asyncio.gather(*(renderer.render(make_delivery()) for _ in range(32)))
    assert set(rendered) == {"Hello 3 Ada"}
    assert len(service.asked) == len(service.compiled) == 1


async def test_whoever_gives_up_waiting_does_not_spoil_it_for_the_others() -> None:
    service = TemplateService()
    renderer = service.renderer()
    impatient = asyncio.create_task(renderer.render(make_delivery()))
    patient = asyncio.create_task(renderer.render(make_delivery()))
    await asyncio.sleep(0)
    impatient.cancel()
    assert await patient == "Hello 3 Ada"
    assert len(service.asked) == 1


async def test_versions_and_languages_are_templates_of_their_own() -> None:
    service = TemplateService()
    renderer = service.renderer()
    for changes in ({}, {"template_version": 4}, {"language": "de"}, {"template_code": "bye"}):
        await renderer.render(make_delivery(**changes))
    assert len(service.compiled) == 4


async def test_forgets_the_version_that_was_not_used_for_longest() -> None:
    service = TemplateService()
    renderer = service.renderer(kept_versions=2)
    for version in (1, 2, 1, 3, 1, 2):
        await renderer.render(make_delivery(template_version=version))
    assert [version.version for version in service.compiled] == [1, 2, 3, 2]


async def test_a_code_is_one_part_of_the_path_whatever_it_holds() -> None:
    service = TemplateService()
    await service.renderer().render(make_delivery(template_code="../users/x?"))
    assert service.asked == ["/api/v1/templates/..%2Fusers%2Fx%3F/versions/3?language=en"]


@pytest.mark.parametrize("status", [500, 503, 401])
async def test_a_service_that_cannot_answer_makes_the_template_unavailable(status: int) -> None:
    with pytest.raises(TemplateUnavailableError, match=str(status)):
        await TemplateService(status=status).renderer().render(make_delivery())


async def test_a_failure_is_not_remembered() -> None:
    service = TemplateService(is_away=True)
    renderer = service.renderer()
    with pytest.raises(TemplateUnavailableError):
        await renderer.render(make_delivery())
    service.is_away = False
    assert await renderer.render(make_delivery()) == "Hello 3 Ada"


async def test_a_version_that_does_not_exist_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentDeliveryError, match="welcome en version 3") as caught:
        await TemplateService(status=404).renderer().render(make_delivery())
    assert caught.value.reason == "template_missing"


async def test_a_version_without_content_for_the_channel_is_a_permanent_failure() -> None:
    with pytest.raises(PermanentDeliveryError, match="no content") as caught:
        await TemplateService().renderer().render(make_delivery(template_code="push-only"))
    assert caught.value.reason == "template_missing"


@pytest.mark.parametrize("changes", [{"template_code": "broken"}, {"variables": {}}])
async def test_what_cannot_be_compiled_or_rendered_is_a_permanent_failure(
    changes: dict[str, Any],
) -> None:
    with pytest.raises(PermanentDeliveryError) as caught:
        await TemplateService().renderer().render(make_delivery(**changes))
    assert caught.value.reason == "render_failed"
