from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from headline_renderer_suite import BAD, GOOD, HeadlineRendererSuite
from loopback_services import SERVICE_TOKEN, LoopbackServices, serve

from api_gateway.adapters.http_headline_renderer import HttpHeadlineRenderer
from contracts.notification import NotificationType
from contracts.template_rendering import RenderingRequest
from servicekit.errors import UnavailableError
from servicekit.http_client import create_http_client
from servicekit.service_client import ServiceClient


def renderer_at(client: httpx.AsyncClient) -> HttpHeadlineRenderer:
    return HttpHeadlineRenderer(ServiceClient("template-service", client))


@pytest.fixture
def template_service() -> Iterator[LoopbackServices]:
    with serve(LoopbackServices()) as services:
        services.renders("good", 3, headline=GOOD.headline)
        services.renders("bad", 3, problem=BAD.problem)
        yield services


@pytest.fixture
async def renderer(template_service: LoopbackServices) -> AsyncIterator[HttpHeadlineRenderer]:
    async with create_http_client(
        template_service.url, timeout_seconds=1, service_token=SERVICE_TOKEN
    ) as client:
        yield renderer_at(client)


class TestHttpHeadlineRenderer(HeadlineRendererSuite):
    @pytest.fixture
    def renderer(self, renderer: HttpHeadlineRenderer) -> HttpHeadlineRenderer:
        return renderer

    @pytest.fixture
    async def lonely(self, unused_tcp_port: int) -> AsyncIterator[HttpHeadlineRenderer]:
        url = f"http://127.0.0.1:{unused_tcp_port}"
        async with create_http_client(url, timeout_seconds=1) as client:
            yield renderer_at(client)


async def test_asks_in_the_words_of_the_contract(
    template_service: LoopbackServices, renderer: HttpHeadlineRenderer
) -> None:
    path = template_service.renders("orders.new", 7, headline="x")
    values = {"name": "Zoë", "items": [1, 2.5, None]}
    await renderer.render("orders.new", 7, "pt-BR", NotificationType.PUSH, values)
    asked = RenderingRequest.model_validate(template_service.questions[path])
    assert asked == RenderingRequest(
        language="pt-BR", notification_type=NotificationType.PUSH, variables=values
    )


@pytest.mark.parametrize("data", [None, {}, {"headline": None, "problem": None}, {"headline": 5}])
async def test_another_answer_than_a_rendering_is_unavailable(
    template_service: LoopbackServices, renderer: HttpHeadlineRenderer, data: object
) -> None:
    path = template_service.renders("good", 5, headline="x")
    template_service.answers[path] = (200, {"data": data} if data is not None else {})
    with pytest.raises(UnavailableError, match="something else than a rendering"):
        await renderer.render("good", 5, "en", NotificationType.EMAIL, {})
