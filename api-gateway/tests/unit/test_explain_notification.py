from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fake_explanation_ports import FakeCopies, FakeHeadlineRenderer
from fake_ports import FakeAdmission, FakeCategories
from samples import NOW, live_version, request, template, user

from api_gateway.domain.explanation import NoteCode
from api_gateway.usecases.explain_notification import ExplainedNotification, ExplainNotification
from contracts.error_codes import ErrorCode
from contracts.notification import NotificationStatus, NotificationType
from contracts.template_rendering import RenderedHeadline
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.errors import UnavailableError


class Explainer:
    """The use case with its fakes; what is asked for by default would be sent."""

    def __init__(self) -> None:
        self.user = user()
        self.template = template(
            code="welcome", languages={"en": live_version(3, required=("name",))}
        )
        self.users: FakeCopies[UUID, UserSnapshot] = FakeCopies({self.user.user_id: self.user})
        self.templates: FakeCopies[str, TemplateSnapshot] = FakeCopies({"welcome": self.template})
        self.categories = FakeCategories()
        self.renderer = FakeHeadlineRenderer()
        self.says(RenderedHeadline(headline="Welcome, John!"))
        self.admission = FakeAdmission()
        self.use_case = ExplainNotification(
            users=self.users,
            templates=self.templates,
            categories=self.categories,
            renderer=self.renderer,
            admission=self.admission,
            now=lambda: NOW,
        )

    def says(self, rendered: RenderedHeadline) -> None:
        self.renderer.rendered["welcome", 3, "en", NotificationType.EMAIL] = rendered

    async def __call__(self, **changes: Any) -> ExplainedNotification:
        values: dict[str, Any] = {"user_id": self.user.user_id, "variables": {"name": "John"}}
        return await self.use_case(request(**{**values, **changes}), "application:a")


@pytest.fixture
def explain() -> Explainer:
    return Explainer()


def notes_of(explained: ExplainedNotification) -> list[NoteCode]:
    return [note.code for note in explained.notes]


def codes_of(explained: ExplainedNotification) -> list[ErrorCode]:
    return [reason.code for reason in explained.explanation.all_reasons]


async def test_what_would_be_sent_has_its_headline_and_no_reason(explain: Explainer) -> None:
    explained = await explain()
    assert explained.explanation.would_send
    assert explained.headline == "Welcome, John!"
    assert explained.notes == ()
    assert explain.renderer.asked == [{"name": "John"}]


async def test_the_headline_is_told_beside_reasons_of_others(explain: Explainer) -> None:
    explained = await explain(user_id=UUID(int=1))
    assert codes_of(explained) == [ErrorCode.USER_NOT_FOUND]
    assert explained.headline == "Welcome, John!"


async def test_unknown_user_and_template_are_told_in_one_answer(explain: Explainer) -> None:
    explained = await explain(user_id=UUID(int=1), template_code="unknown")
    assert codes_of(explained) == [ErrorCode.USER_NOT_FOUND, ErrorCode.TEMPLATE_NOT_FOUND]
    assert (explained.headline, explained.notes) == (None, ())
    assert explain.renderer.asked == []


async def test_nothing_is_rendered_without_the_values_that_it_needs(explain: Explainer) -> None:
    explained = await explain(variables={"name": None})
    assert codes_of(explained) == [ErrorCode.MISSING_VARIABLES]
    assert (explained.headline, explained.notes) == (None, ())
    assert explain.renderer.asked == []


async def test_what_cannot_be_rendered_would_be_accepted_and_not_sent(explain: Explainer) -> None:
    explain.says(RenderedHeadline(problem="missing variables: name.first"))
    explained = await explain()
    assert not explained.explanation.would_send
    assert explained.explanation.outcome is NotificationStatus.PENDING
    [reason] = explained.explanation.all_reasons
    assert reason.code is ErrorCode.RENDER_FAILED
    assert (reason.message, reason.field) == ("missing variables: name.first", "variables")
    assert explained.headline is None


async def test_the_rest_is_told_where_nothing_can_be_rendered_now(explain: Explainer) -> None:
    explain.renderer.is_away = True
    explained = await explain()
    assert explained.explanation.would_send
    assert (explained.headline, notes_of(explained)) == (None, [NoteCode.NOT_RENDERED])
    assert "template-service does not answer" in explained.notes[0].message


async def test_stale_copies_are_named(explain: Explainer) -> None:
    explain.users.is_away = True
    assert notes_of(await explain()) == [NoteCode.STALE_USER]
    explain.templates.is_away = True
    assert notes_of(await explain()) == [NoteCode.STALE_USER, NoteCode.STALE_TEMPLATE]
    explain.users.is_away = False
    assert notes_of(await explain()) == [NoteCode.STALE_TEMPLATE]


async def test_what_is_for_later_is_said_to_be_decided_again(explain: Explainer) -> None:
    explained = await explain(scheduled_at=NOW + timedelta(hours=1))
    assert explained.explanation.outcome is NotificationStatus.SCHEDULED
    assert explained.explanation.would_send
    assert notes_of(explained) == [NoteCode.DECIDED_AGAIN]


async def test_while_too_much_waits_that_is_the_first_reason(explain: Explainer) -> None:
    explain.admission.is_full = True
    explained = await explain(user_id=UUID(int=1))
    assert explained.explanation.outcome is ErrorCode.OVERLOADED
    assert codes_of(explained) == [ErrorCode.OVERLOADED, ErrorCode.USER_NOT_FOUND]


async def test_of_a_caller_of_whom_too_much_waits_that_is_the_first_reason(
    explain: Explainer,
) -> None:
    explain.admission.over_bound = {"application:a"}
    explained = await explain(user_id=UUID(int=1))
    assert codes_of(explained) == [ErrorCode.TOO_MANY_WAITING, ErrorCode.USER_NOT_FOUND]


async def test_without_the_user_or_the_template_nothing_can_be_said(explain: Explainer) -> None:
    explain.users.is_away = explain.templates.is_away = True
    for changes in ({"user_id": UUID(int=1)}, {"template_code": "unknown"}):
        with pytest.raises(UnavailableError):
            await explain(**changes)
