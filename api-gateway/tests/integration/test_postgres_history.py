from uuid import UUID, uuid4

from samples import notification, unused
from store_suite import put

from api_gateway.adapters.postgres_history import PostgresHistory
from api_gateway.adapters.postgres_notifications import PostgresNotificationStore
from servicekit.database import Database


async def test_pages_hold_what_is_visible_newest_first(database: Database) -> None:
    store, history = PostgresNotificationStore(database), PostgresHistory(database)
    mine, theirs, user = unused("application"), unused("application"), uuid4()
    ones = [
        notification(client_id=client, user_id=user_id)
        for client, user_id in ((mine, user), (theirs, user), (mine, uuid4()), (mine, user))
    ]
    for one in ones:
        await put(store, one)

    async def ids(
        *,
        client_id: str | None = None,
        user_id: UUID | None = None,
        offset: int = 0,
        limit: int = 10,
    ) -> tuple[list[UUID], int]:
        rows, total = await history.page(
            client_id=client_id, user_id=user_id, offset=offset, limit=limit
        )
        return [row.id for row in rows], total

    first, second, third, fourth = (one.id for one in ones)
    assert await ids(client_id=mine) == ([fourth, third, first], 3)
    assert await ids(client_id=mine, limit=2) == ([fourth, third], 3)
    assert await ids(client_id=mine, limit=2, offset=2) == ([first], 3)
    assert await ids(user_id=user) == ([fourth, second, first], 3)
    assert await ids(client_id=unused("application")) == ([], 0)
    everything, total = await ids(limit=100)
    assert {first, second, third, fourth} <= set(everything)
    assert total >= 4


async def test_what_was_never_stored_is_not_found(database: Database) -> None:
    assert await PostgresHistory(database).find(uuid4()) is None
