import asyncio
import threading
from collections.abc import Mapping
from typing import Any

import pytest
from fake_templates import FakeTemplates
from samples import NOW, new_template

from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from template_service.domain.compiled_content import compile_channel
from template_service.domain.content import TemplateContent
from template_service.domain.errors import TemplateNotFoundError
from template_service.domain.template import PublishedVersion
from template_service.usecases.render_version import RenderVersion
from templating import EmailContent, TemplateSyntaxError

EMAIL, PUSH = NotificationType.EMAIL, NotificationType.PUSH


class CountedTemplates(FakeTemplates):
    """Counts how often a version is read."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0

    async def find_version(self, code: str, language: str, version: int) -> PublishedVersion | None:
        self.reads += 1
        return await super().find_version(code, language, version)


class Service:
    """The use case with one template of both channels."""

    def __init__(self, **limits: int) -> None:
        self.templates = CountedTemplates()
        self.use_case = RenderVersion(self.templates, **limits)

    async def publish(self) -> str:
        new = new_template()
        await self.templates.create(new)
        return new.template.code

    async def render(
        self,
        variables: Mapping[str, Any],
        channel: NotificationType = EMAIL,
        *,
        code: str,
        language: str = "en",
        version: int = 1,
    ) -> RenderedHeadline:
        return await self.use_case(
            code, language=language, version=version, channel=channel, variables=variables
        )


async def test_tells_the_subject_of_an_email_and_the_title_of_a_push() -> None:
    service = Service()
    code = await service.publish()
    values = {"name": "Zoë\nBcc: x", "link": "https://example.com"}
    for channel in (EMAIL, PUSH):
        rendered = await service.render(values, channel, code=code)
        assert rendered == RenderedHeadline(headline="Hello Zoë Bcc: x")


@pytest.mark.parametrize(
    ("variables", "problem"),
    [
        ({"name": "John"}, "missing variables: link"),
        ({"name": 2**70, "link": ""}, "variables.name is larger than a 64-bit number"),
        ({"\ud800": 2**70, "name": 1, "link": 1}, "variables.? is larger than a 64-bit number"),
    ],
)
async def test_tells_what_is_wrong_in_any_part_though_the_headline_could_be_rendered(
    variables: dict[str, Any], problem: str
) -> None:
    service = Service()
    code = await service.publish()
    assert await service.render(variables, PUSH, code=code) == RenderedHeadline(problem=problem)


async def test_what_was_never_published_is_not_found() -> None:
    service = Service()
    code = await service.publish()
    for other in ({"version": 2}, {"language": "de"}, {"code": "unknown"}):
        with pytest.raises(TemplateNotFoundError):
            await service.render({}, **{"code": code, **other})  # type: ignore[arg-type]


def test_a_channel_without_content_is_compiled_to_nothing() -> None:
    mail_only = TemplateContent(email=EmailContent("Hi", "<p>Hi</p>"))
    assert compile_channel(mail_only, PUSH) is None


async def test_a_version_is_read_once_and_the_least_recently_used_goes_first() -> None:
    service = Service(kept=2)
    first, second, third = [await service.publish() for _ in range(3)]
    for code in (first, first, second, first, third, first):
        await service.render({"name": "x"}, code=code)
    assert service.templates.reads == 3
    await service.render({"name": "x"}, code=second)
    assert service.templates.reads == 4


async def test_no_more_are_rendered_at_a_time_than_there_is_room_for() -> None:
    service = Service(at_once=2)
    code = await service.publish()
    await service.render({"name": "x"}, code=code)
    at_work = GatedValues(parties=2)
    waiting = [asyncio.create_task(service.render(at_work, code=code)) for _ in range(6)]
    rendered = await asyncio.gather(*waiting)
    assert {one.headline for one in rendered} == {"Hello x"}
    assert at_work.most == 2


class GatedValues(Mapping[str, Any]):
    """Variables whose reading waits until so many renderings read them, and counts these."""

    def __init__(self, parties: int) -> None:
        self._barrier = threading.Barrier(parties, timeout=10)
        self._lock = threading.Lock()
        self._now = 0
        self.most = 0

    def __getitem__(self, key: str) -> Any:
        return {"name": "x"}[key]

    def __len__(self) -> int:
        return 1

    def __iter__(self) -> Any:
        with self._lock:
            self._now += 1
            self.most = max(self.most, self._now)
        self._barrier.wait()
        with self._lock:
            self._now -= 1
        return iter(("name",))


async def test_a_source_that_the_renderer_no_longer_takes_is_a_problem() -> None:
    service = Service()
    new = new_template()
    broken = TemplateContent(email=EmailContent("{{ name", "<p>Hi</p>"))
    with pytest.raises(TemplateSyntaxError):
        compile_channel(broken, EMAIL)
    version = PublishedVersion(new.template.code, "en", 1, broken, {}, NOW, "application:test")
    await service.templates.create(type(new)(new.template, version))
    rendered = await service.render({"name": "x"}, code=new.template.code)
    assert rendered.problem is not None
    assert rendered.problem.startswith("subject, line 1")
