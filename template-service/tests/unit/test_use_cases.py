from datetime import datetime

import pytest
from fake_snapshots import FakeSnapshots
from fake_templates import FakeTemplates
from samples import LATER, NOW, email, push

from contracts.notification import AmbiguousPolicy, NotificationType
from template_service.domain.content import TemplateContent
from template_service.domain.errors import (
    InvalidContentError,
    TemplateExistsError,
    TemplateNotFoundError,
)
from template_service.domain.publication import Attributes
from template_service.domain.template import TemplateAtVersion
from template_service.usecases.create_template import CreateTemplate, NewTemplate
from template_service.usecases.get_snapshot import GetSnapshot
from template_service.usecases.get_snapshots import GetSnapshots
from template_service.usecases.get_template import GetTemplate
from template_service.usecases.get_version import GetVersion
from template_service.usecases.publish_version import Publication, PublishVersion


class Service:
    """The use cases on fakes, and a clock that the test turns."""

    def __init__(self) -> None:
        self.now: datetime = NOW
        self.templates, self.snapshots = FakeTemplates(), FakeSnapshots()
        self.create_template = CreateTemplate(self.templates, self.snapshots, lambda: self.now)
        self.publish_version = PublishVersion(self.templates, self.snapshots, lambda: self.now)
        self.get = GetTemplate(self.templates)

    async def create(self, subject: str = "Hello", language: str = "en") -> TemplateAtVersion:
        content = TemplateContent(email=email(subject))
        new = NewTemplate(
            "welcome", "Welcome", "", "general", AmbiguousPolicy.RESEND, language, content
        )
        return await self.create_template(new, by="application:1")

    def publication(
        self, subject: str = "Hello", language: str | None = None, code: str = "welcome"
    ) -> Publication:
        return Publication(code, language, TemplateContent(email=email(subject)), Attributes())


@pytest.fixture
def service() -> Service:
    return Service()


async def test_a_created_template_is_live_in_its_language(service: Service) -> None:
    created = await service.create(language="de")
    assert created.version.created_by == "application:1"
    assert created.version.created_at == created.template.created_at == NOW
    assert await service.get("welcome") == created
    assert created.template.live["de"].version == 1


async def test_creation_shows_the_gateway_a_snapshot(service: Service) -> None:
    await service.create()
    snapshot = service.snapshots.stored["welcome"]
    assert snapshot == await GetSnapshot(service.templates)("welcome")
    assert set(snapshot.languages["en"].channels) == {NotificationType.EMAIL}
    assert snapshot.row_version == 1


async def test_nothing_is_stored_of_a_template_that_does_not_compile(service: Service) -> None:
    with pytest.raises(InvalidContentError):
        await service.create("{{ name")
    assert service.snapshots.stored == {}
    with pytest.raises(TemplateNotFoundError):
        await service.get("welcome")


async def test_a_code_is_given_once(service: Service) -> None:
    await service.create()
    with pytest.raises(TemplateExistsError):
        await service.create("Other")


async def test_publication_is_live_at_once_also_for_the_gateway(service: Service) -> None:
    await service.create("Old")
    service.now = LATER
    revision = await service.publish_version(service.publication("New"), by="user:2")
    assert revision.is_new_version
    assert (await service.get("welcome")).version.created_by == "user:2"
    snapshot = service.snapshots.stored["welcome"]
    assert (snapshot.row_version, snapshot.languages["en"].version) == (2, 2)


async def test_publication_of_the_same_repairs_a_snapshot_that_was_missed(
    service: Service,
) -> None:
    await service.create("Same")
    service.snapshots.stored.clear()
    service.now = LATER
    revision = await service.publish_version(service.publication("Same"), by="user:2")
    assert not revision.is_new_version
    assert not revision.is_changed
    assert service.snapshots.stored["welcome"].row_version == 1


async def test_a_channel_that_is_left_out_is_gone_from_the_new_version(service: Service) -> None:
    await service.create("Same")
    both = Publication(
        "welcome", None, TemplateContent(email=email("Same"), push=push()), Attributes()
    )
    await service.publish_version(both, by="user:2")
    await service.publish_version(service.publication("Same"), by="user:2")
    live = service.snapshots.stored["welcome"].languages["en"]
    assert (live.version, set(live.channels)) == (3, {NotificationType.EMAIL})


async def test_publication_needs_a_template(service: Service) -> None:
    with pytest.raises(TemplateNotFoundError, match="unknown"):
        await service.publish_version(service.publication(code="unknown"), by="user:2")


async def test_older_versions_and_other_languages_stay_readable(service: Service) -> None:
    await service.create("Old")
    await service.publish_version(service.publication("New"), by="user:2")
    await service.publish_version(service.publication("Neu", "de"), by="user:2")
    assert _subject(await service.get("welcome")) == "New"
    assert _subject(await service.get("welcome", version=1)) == "Old"
    assert _subject(await service.get("welcome", language="de")) == "Neu"
    version = await GetVersion(service.templates)("welcome", language="en", version=1)
    assert version == (await service.get("welcome", version=1)).version


@pytest.mark.parametrize(("language", "version"), [("fr", None), ("en", 2), ("fr", 1)])
async def test_what_was_never_published_is_not_found(
    service: Service, language: str, version: int | None
) -> None:
    await service.create()
    with pytest.raises(TemplateNotFoundError, match=f"{language if version is None else version}"):
        await service.get("welcome", language=language, version=version)


async def test_snapshots_and_versions_of_unknown_templates_are_not_found(service: Service) -> None:
    with pytest.raises(TemplateNotFoundError):
        await GetSnapshot(service.templates)("unknown")
    with pytest.raises(TemplateNotFoundError):
        await GetVersion(service.templates)("unknown", language="en", version=1)


async def test_many_snapshots_leave_out_what_does_not_exist_or_cannot(service: Service) -> None:
    await service.create()
    get_snapshots = GetSnapshots(service.templates)
    codes = ["welcome", "unknown", "Not A Code", "a\0b", "welcome"]
    assert list(await get_snapshots(codes)) == [await GetSnapshot(service.templates)("welcome")]
    assert list(await get_snapshots(["Not A Code"])) == []


def _subject(seen: TemplateAtVersion) -> str | None:
    return seen.version.content.email.subject if seen.version.content.email else None
