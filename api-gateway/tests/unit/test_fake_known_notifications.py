import pytest
from fake_known_notifications import FakeKnownNotifications
from known_notifications_suite import KnownNotificationsSuite


class TestFakeKnownNotifications(KnownNotificationsSuite):
    @pytest.fixture
    def known(self) -> FakeKnownNotifications:
        return FakeKnownNotifications()
