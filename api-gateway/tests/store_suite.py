"""How every `NotificationStore` behaves; inherited by the tests of the fake and of PostgreSQL."""

import asyncio

import pytest
from samples import acceptance_of, delivery, message_of, notification, unused_key

from api_gateway.domain.notification import Notification
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import NewNotification, NotificationStore, Stored, StoredRequest
from contracts.delivery_message import DeliveryMessage
from contracts.notification import NotificationStatus


async def put(
    store: NotificationStore,
    one: Notification,
    key: IdempotencyKey | None = None,
    fingerprint: str = "f" * 64,
    *,
    at_once: bool = True,
) -> Stored | StoredRequest:
    messages = tuple(message_of(one, item) for item in one.deliveries)
    return await store.store(
        NewNotification(one, messages, acceptance_of(one), key, fingerprint, at_once=at_once)
    )


class StoreSuite:
    @pytest.fixture
    def store(self) -> NotificationStore:
        raise NotImplementedError

    async def test_answers_with_a_row_for_each_message_in_order(
        self, store: NotificationStore
    ) -> None:
        one = notification(deliveries=(delivery(), delivery()), priority=5)
        stored = await put(store, one)
        assert isinstance(stored, Stored)
        assert stored.acceptance == acceptance_of(one)
        assert [row.delivery_id for row in stored.outbox] == [item.id for item in one.deliveries]
        assert {row.routing_key for row in stored.outbox} == {"email.priority.queue"}
        assert len({row.id for row in stored.outbox}) == 2
        for row, item in zip(stored.outbox, one.deliveries, strict=True):
            assert DeliveryMessage.model_validate_json(row.body) == message_of(one, item)
            assert not row.may_be_repeated

    async def test_what_waits_for_its_turn_has_no_row_to_publish(
        self, store: NotificationStore
    ) -> None:
        stored = await put(store, notification(), at_once=False)
        assert isinstance(stored, Stored)
        assert stored.outbox == ()

    async def test_a_key_that_was_used_leads_to_the_first_answer(
        self, store: NotificationStore
    ) -> None:
        key, first = unused_key(), notification(status=NotificationStatus.SUPPRESSED)
        assert isinstance(await put(store, first, key, "a" * 64), Stored)
        again = await put(store, notification(), key, "b" * 64)
        assert again == StoredRequest("a" * 64, acceptance_of(first))
        assert await store.find_request(key) == again

    async def test_an_unused_key_leads_nowhere(self, store: NotificationStore) -> None:
        assert await store.find_request(unused_key()) is None

    async def test_keys_of_two_callers_do_not_meet(self, store: NotificationStore) -> None:
        key = unused_key("application:a")
        other = IdempotencyKey("application:b", key.request_id)
        assert isinstance(await put(store, notification(), key), Stored)
        assert isinstance(await put(store, notification(), other), Stored)

    async def test_without_a_key_equal_requests_are_two(self, store: NotificationStore) -> None:
        for _ in range(2):
            assert isinstance(await put(store, notification()), Stored)

    async def test_of_fifty_equal_requests_at_once_one_is_stored(
        self, store: NotificationStore
    ) -> None:
        key = unused_key()
        results = await asyncio.gather(*(put(store, notification(), key) for _ in range(50)))
        stored = [result for result in results if isinstance(result, Stored)]
        repeats = [result for result in results if isinstance(result, StoredRequest)]
        assert (len(stored), len(repeats)) == (1, 49)
        assert {repeat.acceptance for repeat in repeats} == {stored[0].acceptance}
