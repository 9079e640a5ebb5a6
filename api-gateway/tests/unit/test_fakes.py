"""The fakes pass the suites that the real adapters pass."""

from uuid import uuid4

import pytest
from fake_dead_letter_keeper import FakeDeadLetterKeeper
from fake_explanation_ports import FakeHeadlineRenderer
from fake_outbox import FakeOutbox
from fake_reservations import FakeReservations
from fake_store import FakeStore
from headline_renderer_suite import BAD, GOOD, HeadlineRendererSuite
from keeper_suite import KeeperSuite
from outbox_suite import FEW, MANY, FilledOutbox, OutboxSuite
from reservations_suite import ReservationsSuite
from store_suite import StoreSuite

from api_gateway.usecases.ports import OutboxMessage
from contracts.notification import NotificationType


class TestFakeStore(StoreSuite):
    @pytest.fixture
    def store(self) -> FakeStore:
        return FakeStore()


class TestFakeReservations(ReservationsSuite):
    @pytest.fixture
    def reservations(self) -> FakeReservations:
        return FakeReservations()


class TestFakeOutbox(OutboxSuite):
    @pytest.fixture
    def filled(self) -> FilledOutbox:
        ids = range(1, MANY + FEW + 1)
        rows = tuple(OutboxMessage(n, "email.queue", b"{}", uuid4(), f"corr-{n}") for n in ids)
        callers = {n: "many" if n <= MANY else "few" for n in ids}
        return FilledOutbox(FakeOutbox(rows, callers), rows)


class TestFakeDeadLetterKeeper(KeeperSuite):
    @pytest.fixture
    def keeper(self) -> FakeDeadLetterKeeper:
        return FakeDeadLetterKeeper()


class TestFakeHeadlineRenderer(HeadlineRendererSuite):
    @pytest.fixture
    def renderer(self) -> FakeHeadlineRenderer:
        fake = FakeHeadlineRenderer()
        for code, rendered in (("good", GOOD), ("bad", BAD)):
            fake.rendered[code, 3, "en", NotificationType.EMAIL] = rendered
        return fake

    @pytest.fixture
    def lonely(self, renderer: FakeHeadlineRenderer) -> FakeHeadlineRenderer:
        alone = FakeHeadlineRenderer()
        alone.rendered = renderer.rendered
        alone.is_away = True
        return alone
