import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fake_ports import FakeAdmission, FakeCategories, FakeDirectory, FakePublisher
from fake_reservations import FakeReservations
from fake_store import FakeStore
from samples import NOW, live_version, request, template, unused, user

from api_gateway.domain.request import NotificationRequest
from api_gateway.usecases.accept_notification import AcceptNotification, key_of, wanted_by
from api_gateway.usecases.caller import Caller
from contracts.delivery_message import DeliveryMessage
from contracts.error_codes import ErrorCode
from contracts.notification import (
    AmbiguousPolicy,
    DeviceKind,
    NotificationStatus,
    NotificationType,
)
from contracts.preferences import ChannelPreferences
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import DeviceAddress, UserSnapshot
from servicekit.errors import (
    ConflictError,
    NotFoundError,
    RateLimitedError,
    ServiceError,
    UnavailableError,
    UnprocessableContentError,
)
from servicekit.versioned_cache import Cached

CALLER = Caller("application:a", "corr-1", "00-" + "1" * 32 + "-" + "2" * 16 + "-01")


class Gateway:
    """The use case with its fakes; `asked` is a request that it accepts."""

    def __init__(self) -> None:
        self.user = user(devices=tuple(_devices("one", "two")))
        self.template = template(
            languages={"en": live_version(3, required=("name",))}, ambiguous=AmbiguousPolicy.HOLD
        )
        self.users: FakeDirectory[UUID, UserSnapshot] = FakeDirectory(
            {self.user.user_id: self.user}
        )
        self.templates: FakeDirectory[str, TemplateSnapshot] = FakeDirectory(
            {self.template.code: self.template}
        )
        self.categories = FakeCategories()
        self.reservations = FakeReservations()
        self.store = FakeStore()
        self.publisher = FakePublisher()
        self.admission = FakeAdmission()
        ids: Iterator[UUID] = (UUID(int=n) for n in range(1, 10_000))
        self.accept = AcceptNotification(
            users=self.users,
            templates=self.templates,
            categories=self.categories,
            reservations=self.reservations,
            store=self.store,
            publisher=self.publisher,
            admission=self.admission,
            now=lambda: NOW,
            new_id=lambda: next(ids),
        )
        self.asked = self.request(request_id=unused("req"))

    def request(self, **changes: Any) -> NotificationRequest:
        values: dict[str, Any] = {
            "user_id": self.user.user_id,
            "template_code": self.template.code,
            "variables": {"name": "John"},
        }
        return request(**{**values, **changes})


def _devices(*tokens: str) -> Iterator[DeviceAddress]:
    return (DeviceAddress(kind=DeviceKind.FCM, token=token) for token in tokens)


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


async def refused(gateway: Gateway, asked: NotificationRequest) -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        await gateway.accept(asked, CALLER)
    return caught.value


async def test_stores_and_then_offers_one_message_per_device(gateway: Gateway) -> None:
    accepted = await gateway.accept(
        gateway.request(notification_type=NotificationType.PUSH, metadata={"c": 1}), CALLER
    )
    [stored] = gateway.store.notifications
    assert not accepted.is_replay
    assert accepted.acceptance.notification_id == stored.id
    assert accepted.acceptance.status is stored.status is NotificationStatus.PENDING
    messages = [DeliveryMessage.model_validate_json(row.body) for row in gateway.publisher.offered]
    assert [message.recipient for message in messages] == ["one", "two"]
    assert [message.delivery_id for message in messages] == [d.id for d in stored.deliveries]
    for message in messages:
        assert (message.client_id, message.correlation_id) == ("application:a", "corr-1")
        assert message.traceparent == stored.traceparent == CALLER.traceparent
        assert message.ambiguous is stored.ambiguous is AmbiguousPolicy.HOLD
        assert (message.template_version, message.language) == (3, "en")
        assert (message.variables, message.metadata) == ({"name": "John"}, {"c": 1})
        assert (message.generation, message.retry_count, message.created_at) == (0, 0, NOW)


async def test_a_suppressed_one_is_stored_with_its_reason_and_not_offered(gateway: Gateway) -> None:
    gateway.users.known[gateway.user.user_id] = gateway.user.model_copy(
        update={"preferences": ChannelPreferences(email=False)}
    )
    accepted = await gateway.accept(gateway.asked, CALLER)
    [stored] = gateway.store.notifications
    assert accepted.acceptance.error is ErrorCode.NOTIFICATION_PREFERENCE_DISABLED
    assert accepted.acceptance.status is stored.status is NotificationStatus.SUPPRESSED
    assert (stored.reason, stored.deliveries) == ("notification_preference_disabled", ())
    assert gateway.publisher.offered == []


@pytest.mark.parametrize("redis_is_away", [False, True])
async def test_an_equal_request_gets_the_first_answer_and_stores_nothing(
    gateway: Gateway, redis_is_away: bool
) -> None:
    gateway.reservations.is_away = redis_is_away
    first = await gateway.accept(gateway.asked, CALLER)
    again = await gateway.accept(gateway.asked, CALLER)
    assert (first.is_replay, again.is_replay) == (False, True)
    assert again.acceptance == first.acceptance
    assert len(gateway.store.notifications) == len(gateway.publisher.offered) == 1


async def test_a_replay_needs_neither_the_directories_nor_the_store(gateway: Gateway) -> None:
    first = await gateway.accept(gateway.asked, CALLER)
    gateway.users.error = gateway.store.error = UnavailableError("away")
    gateway.admission.is_full = True
    assert (await gateway.accept(gateway.asked, CALLER)).acceptance == first.acceptance


@pytest.mark.parametrize("redis_is_away", [False, True])
async def test_another_body_under_the_same_key_is_refused(
    gateway: Gateway, redis_is_away: bool
) -> None:
    gateway.reservations.is_away = redis_is_away
    await gateway.accept(gateway.asked, CALLER)
    other = gateway.request(request_id=gateway.asked.request_id, priority=9)
    error = await refused(gateway, other)
    assert isinstance(error, UnprocessableContentError)
    assert error.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    assert (await gateway.accept(gateway.asked, CALLER)).is_replay


async def test_after_redis_lost_its_memory_the_store_still_knows(gateway: Gateway) -> None:
    first = await gateway.accept(gateway.asked, CALLER)
    gateway.reservations.forget_everything()
    error = await refused(gateway, gateway.request(request_id=gateway.asked.request_id, priority=9))
    assert error.code is ErrorCode.IDEMPOTENCY_KEY_REUSED
    again = await gateway.accept(gateway.asked, CALLER)
    assert again.is_replay
    assert again.acceptance == first.acceptance
    assert len(gateway.publisher.offered) == 1


async def test_while_the_first_is_served_an_equal_one_is_told_to_come_back(
    gateway: Gateway,
) -> None:
    gateway.users.gate = asyncio.Event()
    first = asyncio.create_task(gateway.accept(gateway.asked, CALLER))
    await asyncio.sleep(0)
    error = await refused(gateway, gateway.asked)
    assert isinstance(error, ConflictError)
    assert error.code is ErrorCode.REQUEST_IN_FLIGHT
    assert int(error.headers["Retry-After"]) >= 1
    gateway.users.gate.set()
    accepted = await first
    assert (await gateway.accept(gateway.asked, CALLER)).acceptance == accepted.acceptance


async def test_other_callers_may_use_the_same_request_id(gateway: Gateway) -> None:
    await gateway.accept(gateway.asked, CALLER)
    other = await gateway.accept(gateway.asked, Caller("application:b", "corr-2"))
    assert not other.is_replay
    assert len(gateway.store.notifications) == 2


async def test_every_refusal_frees_the_key(gateway: Gateway) -> None:
    gateway.users.known.clear()
    error = await refused(gateway, gateway.asked)
    assert isinstance(error, NotFoundError)
    assert error.code is ErrorCode.USER_NOT_FOUND
    gateway.users.known[gateway.user.user_id] = gateway.user
    assert not (await gateway.accept(gateway.asked, CALLER)).is_replay


@pytest.mark.parametrize("where", ["users", "templates", "store"])
@pytest.mark.parametrize("error", [UnavailableError("away"), RuntimeError("a defect")])
async def test_every_failure_frees_the_key_and_offers_nothing(
    gateway: Gateway, where: str, error: Exception
) -> None:
    part = getattr(gateway, where)
    part.error = error
    with pytest.raises(type(error)):
        await gateway.accept(gateway.asked, CALLER)
    assert gateway.publisher.offered == []
    part.error = None
    assert not (await gateway.accept(gateway.asked, CALLER)).is_replay


async def test_a_cancelled_request_frees_its_key(gateway: Gateway) -> None:
    gateway.users.gate = asyncio.Event()
    serving = asyncio.create_task(gateway.accept(gateway.asked, CALLER))
    await asyncio.sleep(0)
    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    gateway.users.gate.set()
    assert not (await gateway.accept(gateway.asked, CALLER)).is_replay


async def test_while_too_much_waits_nothing_new_is_accepted(gateway: Gateway) -> None:
    gateway.admission.is_full = True
    error = await refused(gateway, gateway.asked)
    assert (error.status, error.code) == (503, ErrorCode.OVERLOADED)
    assert gateway.store.notifications == []


async def test_of_whom_too_much_waits_nothing_new_is_accepted(gateway: Gateway) -> None:
    gateway.admission.over_bound = {CALLER.client_id}
    error = await refused(gateway, gateway.asked)
    assert (error.status, error.code) == (429, ErrorCode.TOO_MANY_WAITING)
    assert gateway.store.notifications == []


async def test_what_waits_for_its_callers_turn_is_stored_and_not_offered(gateway: Gateway) -> None:
    gateway.publisher.is_crowded = True
    await gateway.accept(gateway.asked, CALLER)
    assert gateway.publisher.turns == [(CALLER.client_id, "email.queue")]
    assert gateway.publisher.offered == []
    assert [one.status for one in gateway.store.notifications] == [NotificationStatus.PENDING]


async def test_what_was_accepted_stays_accepted_though_its_user_is_gone(gateway: Gateway) -> None:
    gateway.reservations.is_away = True
    first = await gateway.accept(gateway.asked, CALLER)
    gateway.users.known.clear()
    again = await gateway.accept(gateway.asked, CALLER)
    assert again.is_replay
    assert again.acceptance == first.acceptance


async def test_names_the_missing_variables(gateway: Gateway) -> None:
    error = await refused(gateway, gateway.request(variables={}))
    assert (error.status, error.code) == (422, ErrorCode.MISSING_VARIABLES)
    assert error.details is not None
    assert [detail.field for detail in error.details] == ["variables.name"]


@pytest.mark.parametrize("redis", ["away", "flushed"])
@pytest.mark.parametrize("trouble", ["users", "templates", "admission"])
async def test_what_was_accepted_is_answered_again_though_it_could_not_be_accepted_now(
    gateway: Gateway, redis: str, trouble: str
) -> None:
    first = await gateway.accept(gateway.asked, CALLER)
    gateway.reservations.forget_everything()
    gateway.reservations.is_away = redis == "away"
    if trouble == "admission":
        gateway.admission.is_full = True
    else:
        getattr(gateway, trouble).error = UnavailableError("away")
    again = await gateway.accept(gateway.asked, CALLER)
    assert (again.is_replay, again.acceptance) == (True, first.acceptance)
    other = gateway.request(request_id=gateway.asked.request_id, priority=9)
    assert (await refused(gateway, other)).code is ErrorCode.IDEMPOTENCY_KEY_REUSED


async def test_with_the_store_away_too_the_first_reason_stands(gateway: Gateway) -> None:
    await gateway.accept(gateway.asked, CALLER)
    gateway.reservations.forget_everything()
    gateway.admission.is_full = True
    gateway.store.error = UnavailableError("the store is away")
    assert (await refused(gateway, gateway.asked)).code is ErrorCode.OVERLOADED


async def test_who_asks_for_more_than_their_rate_is_told_when_to_come_back(
    gateway: Gateway,
) -> None:
    slow = Caller("application:slow", "corr-1", rate_per_minute=2)
    rates = [(await gateway.accept(gateway.request(), slow)).rate for _ in range(2)]
    assert [rate and rate.remaining for rate in rates] == [1, 0]
    with pytest.raises(RateLimitedError) as caught:
        await gateway.accept(gateway.asked, slow)
    assert caught.value.headers == {
        "Retry-After": "30",
        "RateLimit-Policy": '"default";q=2;w=60',
        "RateLimit": '"default";r=0;t=60',
    }
    assert len(gateway.store.notifications) == 2
    gateway.reservations.is_away = True  # then nobody counts
    assert (await gateway.accept(gateway.asked, slow)).rate is None


async def test_a_fresh_copy_is_decided_with_and_the_owner_is_not_asked(gateway: Gateway) -> None:
    gateway.reservations.user = Cached(gateway.user, is_stale=False)
    gateway.reservations.template = Cached(gateway.template, is_stale=False)
    gateway.users.error = gateway.templates.error = RuntimeError("asked")
    await gateway.accept(gateway.asked, CALLER)
    assert gateway.store.notes == [None]


@pytest.mark.parametrize(
    ("away", "note"),
    [
        ("users", "decided with an old copy of the user: the owner did not answer"),
        ("templates", "decided with an old copy of the template: the owner did not answer"),
    ],
)
async def test_the_history_says_that_an_old_copy_decided(
    gateway: Gateway, away: str, note: str
) -> None:
    gateway.reservations.user = Cached(gateway.user, is_stale=True)
    gateway.reservations.template = Cached(gateway.template, is_stale=True)
    getattr(gateway, away).error = UnavailableError("away")
    await gateway.accept(gateway.asked, CALLER)
    assert gateway.store.notes == [note]
    getattr(gateway, away).error = None
    await gateway.accept(gateway.request(), CALLER)
    assert gateway.store.notes == [note, None]


async def test_what_is_for_later_is_stored_without_deliveries(gateway: Gateway) -> None:
    later = NOW + timedelta(hours=1)
    accepted = await gateway.accept(
        gateway.request(scheduled_at=later, language="en", priority=3), CALLER
    )
    [stored] = gateway.store.notifications
    assert accepted.acceptance.status is stored.status is NotificationStatus.SCHEDULED
    assert (stored.scheduled_at, stored.deliveries) == (later, ())
    assert (stored.requested_language, stored.requested_priority) == ("en", 3)
    assert gateway.publisher.offered == []


async def test_what_redis_says_is_being_served_may_have_been_answered_without_it(
    gateway: Gateway,
) -> None:
    gateway.reservations.is_away = True
    first = await gateway.accept(gateway.asked, CALLER)
    gateway.reservations.is_away = False  # and takes in what it was asked before
    await gateway.reservations.look_up(
        wanted_by(gateway.asked, CALLER, key_of(gateway.asked, CALLER))
    )
    again = await gateway.accept(gateway.asked, CALLER)
    assert (again.is_replay, again.acceptance) == (True, first.acceptance)
