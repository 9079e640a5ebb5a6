from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from fake_ports import FakeAdmission, FakeCategories, FakeDirectory, FakePublisher
from fake_reservations import FakeReservations
from fake_store import FakeStore
from samples import NOW, live_version, request, template, unused, user
from uuid_utils.compat import uuid7

from api_gateway.domain.request import NotificationRequest
from api_gateway.usecases.accept_batch import AcceptBatch
from api_gateway.usecases.accept_notification import key_of, wanted_by
from api_gateway.usecases.batch_items import ItemResult
from api_gateway.usecases.caller import Caller
from contracts.error_codes import ErrorCode
from contracts.preferences import ChannelPreferences
from contracts.template_snapshot import TemplateSnapshot
from contracts.user_snapshot import UserSnapshot
from servicekit.errors import ServiceError, UnavailableError, UnprocessableContentError

CALLER = Caller("application:a", "corr-1")


class Gateway:
    """The use case with its fakes."""

    def __init__(self) -> None:
        self.people = [user() for _ in range(3)]
        self.template = template(languages={"en": live_version(1, required=("name",))})
        self.users: FakeDirectory[UUID, UserSnapshot] = FakeDirectory(
            {each.user_id: each for each in self.people}
        )
        self.templates: FakeDirectory[str, TemplateSnapshot] = FakeDirectory(
            {self.template.code: self.template}
        )
        self.categories = FakeCategories()
        self.reservations = FakeReservations()
        self.store = FakeStore()
        self.publisher = FakePublisher()
        self.admission = FakeAdmission()
        self._accept = AcceptBatch(
            users=self.users,
            templates=self.templates,
            categories=self.categories,
            reservations=self.reservations,
            store=self.store,
            publisher=self.publisher,
            admission=self.admission,
            now=lambda: NOW,
            new_id=uuid7,
        )

    def asked(self, person: int = 0, **changes: Any) -> NotificationRequest:
        values: dict[str, Any] = {
            "user_id": self.people[person].user_id,
            "template_code": self.template.code,
            "variables": {"name": "John"},
            "request_id": unused("req"),
        }
        return request(**{**values, **changes})

    async def accept(
        self,
        *items: NotificationRequest | ServiceError,
        caller: Caller = CALLER,
        batch_id: UUID | None = None,
    ) -> Sequence[ItemResult]:
        return (await self._accept(items, caller, batch_id or uuid4())).results


@pytest.fixture
def gateway() -> Gateway:
    return Gateway()


def codes(results: Sequence[ItemResult]) -> list[str | None]:
    """Of each item its error, or None where it was accepted."""
    return [None if one.error is None else one.error.code.value for one in results]


async def test_each_item_is_decided_by_itself_and_all_have_one_batch(gateway: Gateway) -> None:
    gateway.users.known[gateway.people[1].user_id] = gateway.people[1].model_copy(
        update={"preferences": ChannelPreferences(email=False)}
    )
    batch_id = uuid4()
    results = await gateway.accept(
        gateway.asked(0),
        gateway.asked(1),
        gateway.asked(user_id=uuid4()),
        gateway.asked(variables={}),
        UnprocessableContentError("not valid"),
        gateway.asked(template_code="nothing"),
        gateway.asked(2, request_id=None),
        batch_id=batch_id,
    )
    assert codes(results) == [
        *(None, None, "user_not_found", "missing_variables", "validation_failed"),
        *("template_not_found", None),
    ]
    statuses = [one.acceptance and one.acceptance.status.value for one in results]
    assert statuses == ["pending", "suppressed", None, None, None, None, "pending"]
    assert {one.batch_id for one in gateway.store.notifications} == {batch_id}
    assert len(gateway.store.notifications) == 3
    assert len(gateway.publisher.offered) == 2
    batch = gateway.store.batches[batch_id]
    assert (batch.total, batch.rejected, batch.client_id) == (7, 4, "application:a")


async def test_repeating_a_batch_stores_nothing_twice(gateway: Gateway) -> None:
    items = [gateway.asked(number) for number in range(3)]
    first = await gateway.accept(*items)
    for forget in (False, True):
        if forget:
            gateway.reservations.forget_everything()
        again = await gateway.accept(*items)
        assert all(one.is_replay for one in again)
        assert [one.acceptance for one in again] == [one.acceptance for one in first]
    assert len(gateway.store.notifications) == len(gateway.publisher.offered) == 3


async def test_a_repeated_batch_accepts_what_could_not_be_accepted_before(gateway: Gateway) -> None:
    late, batch_id = user(), uuid4()
    items = [gateway.asked(), gateway.asked(user_id=late.user_id)]
    assert codes(await gateway.accept(*items, batch_id=batch_id)) == [None, "user_not_found"]
    gateway.users.known[late.user_id] = late
    again = await gateway.accept(*items, batch_id=batch_id)
    assert codes(again) == [None, None]
    assert [one.is_replay for one in again] == [True, False]
    assert gateway.store.batches[batch_id].rejected == 0


async def test_a_key_that_comes_twice_in_a_batch_is_one_notification(gateway: Gateway) -> None:
    one = gateway.asked()
    results = await gateway.accept(one, one, replace(one, priority=9))
    assert codes(results) == [None, None, "idempotency_key_reused"]
    assert [each.is_replay for each in results] == [False, True, False]
    assert len(gateway.store.notifications) == 1


async def test_an_item_that_is_being_served_elsewhere_is_told_so(gateway: Gateway) -> None:
    item = gateway.asked()
    assert item.request_id is not None
    await gateway.reservations.look_up(wanted_by(item, CALLER, key_of(item, CALLER)))
    assert codes(await gateway.accept(item, gateway.asked())) == ["request_in_flight", None]


async def test_each_item_counts_against_the_rate(gateway: Gateway) -> None:
    slow = replace(CALLER, client_id="application:slow", rate_per_minute=2)
    results = await gateway.accept(*(gateway.asked() for _ in range(4)), caller=slow)
    assert codes(results) == [None, None, "rate_limited", "rate_limited"]
    assert results[2].error is not None
    assert int(results[2].error.headers["Retry-After"]) > 0


async def test_users_of_whom_nothing_can_be_said_cost_the_others_nothing(gateway: Gateway) -> None:
    gateway.users.error = UnavailableError("user-service does not answer.")
    known = gateway.people[1]
    gateway.users.copies[known.user_id] = known
    items = [gateway.asked(0), gateway.asked(1)]
    assert codes(await gateway.accept(*items)) == ["dependency_unavailable", None]
    assert gateway.store.notes == ["decided with an old copy of the user: the owner did not answer"]
    gateway.users.error = None
    assert codes(await gateway.accept(*items)) == [None, None]
    assert len(gateway.store.notifications) == 2


async def test_what_was_accepted_stays_accepted_though_its_user_is_gone(gateway: Gateway) -> None:
    item = gateway.asked()
    [first] = await gateway.accept(item)
    gateway.reservations.forget_everything()
    gateway.users.known.clear()
    [again] = await gateway.accept(item)
    assert (again.is_replay, again.acceptance) == (True, first.acceptance)


async def test_an_item_that_cannot_be_stored_costs_the_others_nothing(gateway: Gateway) -> None:
    odd = template()
    gateway.templates.known[odd.code] = odd
    gateway.store.unstorable.add(odd.code)
    item = gateway.asked(template_code=odd.code)
    assert codes(await gateway.accept(item, gateway.asked())) == ["validation_failed", None]
    gateway.store.unstorable.clear()
    assert codes(await gateway.accept(item)) == [None]


@pytest.mark.parametrize("error", [UnavailableError("away"), RuntimeError("a defect")])
async def test_a_store_that_is_away_fails_the_batch_and_frees_every_key(
    gateway: Gateway, error: Exception
) -> None:
    items = [gateway.asked(number) for number in range(3)]
    gateway.store.error = error
    with pytest.raises(type(error)):
        await gateway.accept(*items)
    assert gateway.publisher.offered == []
    gateway.store.error = None
    assert codes(await gateway.accept(*items)) == [None] * 3


async def test_while_too_much_waits_no_batch_is_accepted(gateway: Gateway) -> None:
    gateway.admission.is_full = True
    with pytest.raises(UnavailableError) as caught:
        await gateway.accept(gateway.asked())
    assert caught.value.code is ErrorCode.OVERLOADED


async def test_a_repeat_while_the_first_is_served_does_not_make_the_batch_fail(
    gateway: Gateway,
) -> None:
    items, batch_id = [gateway.asked(number) for number in range(2)], uuid4()
    await gateway.accept(*items, batch_id=batch_id)
    gateway.reservations.forget_everything()
    for item in items:  # as if the first request were being served still
        await gateway.reservations.look_up(wanted_by(item, CALLER, key_of(item, CALLER)))
    again = await gateway.accept(*items, batch_id=batch_id)
    assert [one.is_replay for one in again] == [True, True]
    assert gateway.store.batches[batch_id].rejected == 0


async def test_a_repeat_over_the_rate_is_answered_and_does_not_make_the_batch_fail(
    gateway: Gateway,
) -> None:
    slow, batch_id = replace(CALLER, client_id="application:slow", rate_per_minute=3), uuid4()
    items = [gateway.asked() for _ in range(3)]
    await gateway.accept(*items, caller=slow, batch_id=batch_id)
    again = await gateway.accept(*items, caller=slow, batch_id=batch_id)
    assert [one.is_replay for one in again] == [True] * 3
    assert gateway.store.batches[batch_id].rejected == 0


async def test_the_batch_counts_what_only_the_store_could_refuse(gateway: Gateway) -> None:
    odd, batch_id = template(), uuid4()
    gateway.templates.known[odd.code] = odd
    gateway.store.unstorable.add(odd.code)
    one = gateway.asked(template_code=odd.code)
    results = await gateway.accept(one, one, gateway.asked(), batch_id=batch_id)
    assert codes(results) == ["validation_failed", "validation_failed", None]
    assert gateway.store.batches[batch_id].rejected == 2


async def test_another_body_under_the_key_of_a_refused_item_hears_nothing_of_that(
    gateway: Gateway,
) -> None:
    wrong = gateway.asked(variables={})
    results = await gateway.accept(wrong, replace(wrong, variables={"name": "John"}))
    assert codes(results) == ["missing_variables", "idempotency_key_reused"]
