import asyncio
from collections.abc import Sequence

import pytest
from samples import acceptance_of, delivery, message_of, notification, unused_key
from sqlalchemy.exc import DBAPIError
from store_suite import StoreSuite, put

from api_gateway.adapters.group_commit import GroupCommit, Result
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from api_gateway.domain.notification import Notification
from api_gateway.domain.request import IdempotencyKey
from api_gateway.usecases.ports import NewNotification, Stored, StoredRequest
from servicekit.database import Database, DatabaseUnavailableError


class Counting(PostgresNotificationStore):
    """Notes the sizes of groups, and holds each back until it may go."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.groups: list[int] = []
        self.begun = asyncio.Event()
        self.may_go = asyncio.Event()
        self.may_go.set()

    async def store_all(self, items: Sequence[NewNotification]) -> list[Result]:
        self.begun.set()
        await self.may_go.wait()
        self.groups.append(len(items))
        return await super().store_all(items)


@pytest.fixture
def counting(database: Database) -> Counting:
    return Counting(database)


class TestGroupCommit(StoreSuite):
    @pytest.fixture
    def store(self, database: Database) -> GroupCommit:
        return GroupCommit(PostgresNotificationStore(database))


async def test_what_comes_while_a_group_is_stored_is_the_next_group(counting: Counting) -> None:
    store = GroupCommit(counting)
    counting.may_go.clear()
    first = asyncio.create_task(put(store, notification()))
    await counting.begun.wait()
    others = [asyncio.create_task(put(store, notification(), unused_key())) for _ in range(30)]
    await asyncio.sleep(0)  # each has handed its own over
    counting.may_go.set()
    results = await asyncio.gather(first, *others)
    assert all(isinstance(result, Stored) for result in results)
    assert counting.groups == [1, 30]


async def test_nobody_waits_for_company(counting: Counting) -> None:
    store = GroupCommit(counting)
    for _ in range(3):
        await put(store, notification())
    assert counting.groups == [1, 1, 1]


async def test_a_key_that_comes_twice_at_once_is_stored_once(counting: Counting) -> None:
    store, key = GroupCommit(counting), unused_key()
    first, *others = await asyncio.gather(
        *(put(store, notification(), key) for _ in range(5)), put(store, notification())
    )
    assert isinstance(first, Stored)
    repeats = [result for result in others if isinstance(result, StoredRequest)]
    assert [repeat.acceptance for repeat in repeats] == [first.acceptance] * 4


async def test_one_that_postgresql_refuses_spoils_nothing_for_the_others(
    counting: Counting, database: Database
) -> None:
    store = GroupCommit(counting)
    one = notification()
    broken = notification(**{**vars(one), "deliveries": one.deliveries * 2})
    counting.may_go.clear()
    tasks = [
        asyncio.create_task(put(store, each, unused_key()))
        for each in (notification(), notification(), broken, notification())
    ]
    await counting.begun.wait()
    counting.may_go.set()
    first, second, refused, last = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(first, Stored)
    assert isinstance(second, Stored)
    assert isinstance(last, Stored)
    assert isinstance(refused, DBAPIError)


class AwayAfter(PostgresNotificationStore):
    """Goes away when it has stored so many singly; `asked`: how often it was asked for one."""

    def __init__(self, database: Database, count: int) -> None:
        super().__init__(database)
        self._left = count
        self.asked = 0

    async def store_all(self, items: Sequence[NewNotification]) -> list[Result]:
        if len(items) == 1:
            self.asked += 1
            if not self._left:
                msg = "away"
                raise DatabaseUnavailableError(msg)
            self._left -= 1
        return await super().store_all(items)


async def test_a_database_that_goes_away_among_single_rows_is_waited_for_once(
    database: Database,
) -> None:
    away = AwayAfter(database, 2)
    store, one = GroupCommit(away), notification()
    broken = notification(**{**vars(one), "deliveries": one.deliveries * 2})
    stored, also, *others = await asyncio.gather(
        *(put(store, each) for each in (notification(), notification(), broken)),
        *(put(store, notification()) for _ in range(5)),
        return_exceptions=True,
    )
    assert isinstance(stored, Stored)
    assert isinstance(also, Stored)
    assert {type(each) for each in others} == {DatabaseUnavailableError}
    assert away.asked == 3


async def test_who_has_waited_long_enough_is_told_and_nothing_of_theirs_is_begun(
    counting: Counting,
) -> None:
    store, key = GroupCommit(counting, store_seconds=0.2), unused_key()
    counting.may_go.clear()
    under_way = asyncio.create_task(put(store, notification()))
    await counting.begun.wait()
    with pytest.raises(DatabaseUnavailableError):
        await put(store, notification(), key)
    with pytest.raises(DatabaseUnavailableError):
        await under_way
    counting.may_go.set()
    assert isinstance(await put(store, notification()), Stored)
    assert await store.find_request(key) is None


async def test_a_caller_who_leaves_takes_nobody_along(counting: Counting) -> None:
    store = GroupCommit(counting)
    counting.may_go.clear()
    tasks = [asyncio.create_task(put(store, notification())) for _ in range(4)]
    await counting.begun.wait()
    tasks[0].cancel()
    tasks[2].cancel()
    counting.may_go.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(result) for result in results] == [
        *(asyncio.CancelledError, Stored, asyncio.CancelledError, Stored)
    ]


async def test_two_processes_that_store_the_same_keys_in_any_order_do_not_lock_each_other_out(
    database: Database,
) -> None:
    keys = [unused_key() for _ in range(40)]

    async def store_them(order: Sequence[IdempotencyKey]) -> list[Result]:
        store = PostgresNotificationStore(database)
        return await store.store_all([_new(notification(), key) for key in order])

    for _ in range(5):
        outcomes = await asyncio.gather(store_them(keys), store_them(keys[::-1]))
        assert {len(results) for results in outcomes} == {40}
        keys = [unused_key() for _ in range(40)]


async def test_a_group_of_two_hundred_is_read_back_whole(database: Database) -> None:
    store = PostgresNotificationStore(database)
    pushes = [notification(deliveries=(delivery(), delivery())) for _ in range(200)]
    results = await store.store_all([_new(each, unused_key()) for each in pushes])
    for each, result in zip(pushes, results, strict=True):
        assert isinstance(result, Stored)
        assert [row.delivery_id for row in result.outbox] == [one.id for one in each.deliveries]


def _new(one: Notification, key: IdempotencyKey) -> NewNotification:
    messages = tuple(message_of(one, item) for item in one.deliveries)
    return NewNotification(one, messages, acceptance_of(one), key, "f" * 64)
