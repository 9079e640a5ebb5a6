"""What every `HeadlineRenderer` does: the one over HTTP and the one in memory."""

from abc import abstractmethod

import pytest

from api_gateway.usecases.explanation_ports import HeadlineRenderer
from contracts.notification import NotificationType
from contracts.template_rendering import RenderedHeadline
from servicekit.errors import UnavailableError

GOOD = RenderedHeadline(headline="Hello Zoë")
BAD = RenderedHeadline(problem="missing variables: user.name")


class HeadlineRendererSuite:
    """`renderer` renders version 3 of `good` to GOOD, and of `bad` to BAD; all English emails."""

    @pytest.fixture
    @abstractmethod
    def renderer(self) -> HeadlineRenderer: ...

    @pytest.fixture
    @abstractmethod
    def lonely(self) -> HeadlineRenderer:
        """One whose template-service is away."""

    async def test_tells_the_headline_or_the_problem(self, renderer: HeadlineRenderer) -> None:
        for code, expected in (("good", GOOD), ("bad", BAD)):
            rendered = await renderer.render(code, 3, "en", NotificationType.EMAIL, {"name": "Zoë"})
            assert rendered == expected

    async def test_what_cannot_be_said_is_unavailable(
        self, renderer: HeadlineRenderer, lonely: HeadlineRenderer
    ) -> None:
        for one, version in ((renderer, 4), (lonely, 3)):
            with pytest.raises(UnavailableError, match="template-service does not"):
                await one.render("good", version, "en", NotificationType.EMAIL, {})
