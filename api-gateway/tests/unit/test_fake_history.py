import pytest
from fake_history import FakeHistory
from history_suite import HistorySuite, Listing

from api_gateway.domain.notification import Notification


class TestFakeHistory(HistorySuite):
    @pytest.fixture
    def listing(self) -> Listing:
        history = FakeHistory()

        async def put(one: Notification) -> None:
            history.known.append(one)

        return Listing(history, put)
