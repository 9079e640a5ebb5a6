"""The publisher against a real broker that does what it should."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import aio_pika
import pytest
from aio_pika.abc import AbstractIncomingMessage

from servicekit.amqp import MissingTopologyError
from servicekit.errors import UnavailableError
from servicekit.publisher import NotPublishedError, OutgoingMessage, Publisher, PublishTimeoutError

EXCHANGE = "notifications.direct"
LANE = "push.queue"
LOST: set[type] = {NotPublishedError, PublishTimeoutError}


def message(*, routing_key: str = LANE, message_id: str | None = None) -> OutgoingMessage:
    return OutgoingMessage(
        exchange=EXCHANGE,
        routing_key=routing_key,
        body=b'{"a": 1}',
        message_id=message_id or uuid.uuid4().hex,
        correlation_id="c-1",
        headers={"tier": 4},
    )


@asynccontextmanager
async def running(url: str, *exchanges: str) -> AsyncIterator[Publisher]:
    publisher = Publisher(url, name="test-publisher", exchanges=exchanges or (EXCHANGE,))
    publisher.start()
    try:
        yield publisher
    finally:
        await publisher.close()


async def take(url: str, message_id: str) -> AbstractIncomingMessage:
    """The message with this id, taken from the lane."""
    async with await aio_pika.connect(url) as connection:
        channel = await connection.channel()
        queue = await channel.get_queue(LANE, ensure=False)
        async with asyncio.timeout(5):
            while True:
                found = await queue.get(no_ack=True, fail=False)
                if found is None:
                    await asyncio.sleep(0.02)
                elif found.message_id == message_id:  # others lie there from tests before
                    return found


async def test_a_publish_that_returns_is_in_the_queue_and_persistent(amqp_url: str) -> None:
    outgoing = message()
    async with running(amqp_url) as publisher:
        await publisher.connected()
        await publisher.publish(outgoing)
    found = await take(amqp_url, outgoing.message_id)
    assert found.body == outgoing.body
    assert found.delivery_mode is aio_pika.DeliveryMode.PERSISTENT
    assert found.headers["tier"] == 4
    assert found.correlation_id == "c-1"
    assert found.content_type == "application/json"


async def test_refuses_what_no_queue_takes(amqp_url: str) -> None:
    async with running(amqp_url) as publisher:
        await publisher.connected()
        with pytest.raises(NotPublishedError, match=r"notifications.direct refused nowhere"):
            await publisher.publish(message(routing_key="nowhere"))


async def test_refuses_every_unroutable_copy_of_one_id(amqp_url: str) -> None:
    async with running(amqp_url) as publisher:
        await publisher.connected()
        copies = [
            publisher.publish(message(routing_key="nowhere", message_id="same")) for _ in range(5)
        ]
        results = await asyncio.gather(*copies, return_exceptions=True)
    assert [type(result) for result in results] == [NotPublishedError] * 5


async def test_a_return_is_not_taken_for_that_of_another_message_with_the_same_id(
    amqp_url: str,
) -> None:
    async with running(amqp_url) as publisher:
        await publisher.connected()
        lost, stored = await asyncio.gather(
            publisher.publish(message(routing_key="nowhere", message_id="twin")),
            publisher.publish(message(message_id="twin")),
            return_exceptions=True,
        )
    assert isinstance(lost, NotPublishedError)
    assert stored is None
    await take(amqp_url, "twin")


async def test_names_the_missing_exchange_and_the_remedy(amqp_url: str) -> None:
    async with running(amqp_url, "no.such.exchange") as publisher:
        with pytest.raises(MissingTopologyError, match=r"exchange no\.such\.exchange.*import_defi"):
            await publisher.connected()
        with pytest.raises(MissingTopologyError, match=r"no\.such\.exchange"):
            await publisher.check()


async def test_says_which_exchange_it_was_not_made_for(amqp_url: str) -> None:
    async with running(amqp_url, "notification.events") as publisher:
        await publisher.connected()
        with pytest.raises(NotPublishedError, match=r"notifications\.direct is not among"):
            await publisher.publish(message())


async def test_a_thousand_at_once_all_arrive(amqp_url: str) -> None:
    async with await aio_pika.connect(amqp_url) as connection, running(amqp_url) as publisher:
        channel = await connection.channel()
        queue = await channel.get_queue(LANE)
        await queue.purge()
        await publisher.connected()
        await asyncio.gather(*(publisher.publish(message()) for _ in range(1000)))
        assert (await queue.purge()).message_count == 1000


async def test_close_leaves_no_task_behind(amqp_url: str) -> None:
    before = asyncio.all_tasks()
    async with running(amqp_url) as publisher:
        await publisher.connected()
        await publisher.publish(message())
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() - before == set()


async def test_close_tells_publishes_in_flight_that_their_fate_is_unknown(amqp_url: str) -> None:
    publisher = Publisher(amqp_url, name="test-publisher", exchanges=(EXCHANGE,))
    publisher.start()
    await publisher.connected()
    flying = [asyncio.create_task(publisher.publish(message())) for _ in range(300)]
    await asyncio.sleep(0.005)
    await publisher.close()
    results = await asyncio.gather(*flying, return_exceptions=True)
    assert {type(result) for result in results} <= {type(None), *LOST}
    assert {type(result) for result in results} & LOST


async def test_of_many_at_once_each_has_a_result_of_its_own(amqp_url: str) -> None:
    batch = [message(routing_key="nowhere" if number % 3 == 0 else LANE) for number in range(90)]
    async with running(amqp_url) as publisher:
        await publisher.connected()
        results = await publisher.publish_all(batch)
        again = await publisher.publish_all(batch[1:2])
    assert [type(result) for result in results[:4]] == [
        *(NotPublishedError, type(None), type(None), NotPublishedError)
    ]
    assert sum(result is None for result in results) == 60
    assert again == [None]


async def test_equal_ids_among_many_do_not_hide_each_others_fate(amqp_url: str) -> None:
    batch = [
        message(routing_key=key, message_id="equal") for key in ("nowhere", LANE, "nowhere", LANE)
    ]
    async with running(amqp_url) as publisher:
        await publisher.connected()
        results = await publisher.publish_all(batch)
    assert [result is None for result in results] == [False, True, False, True]


async def test_without_a_connection_none_of_many_is_published(amqp_url: str) -> None:
    publisher = Publisher(amqp_url, name="test-publisher", exchanges=(EXCHANGE,))
    results = await publisher.publish_all([message(), message()])
    assert [type(result) for result in results] == [NotPublishedError, NotPublishedError]


async def test_a_body_larger_than_a_frame_arrives_whole(amqp_url: str) -> None:
    large = replace(message(), body=bytes(range(256)) * 2_000)
    async with running(amqp_url) as publisher:
        await publisher.connected()
        await publisher.publish(large)
    assert (await take(amqp_url, large.message_id)).body == large.body


async def test_an_empty_body_arrives(amqp_url: str) -> None:
    empty = replace(message(), body=b"")
    async with running(amqp_url) as publisher:
        await publisher.connected()
        await publisher.publish(empty)
    assert (await take(amqp_url, empty.message_id)).body == b""


async def test_close_tells_many_at_once_that_their_fate_is_unknown(amqp_url: str) -> None:
    async with running(amqp_url) as publisher:
        await publisher.connected()
        many = [message() for _ in range(50)]
        publishing = asyncio.create_task(publisher.publish_all(many))
        await asyncio.sleep(0)
    results = await publishing
    assert {type(result) for result in results} <= {type(None), *LOST}


async def test_one_that_cannot_be_written_leaves_the_others_free_to_be_published(
    amqp_url: str,
) -> None:
    good = message()
    async with running(amqp_url) as publisher:
        await publisher.connected()
        with pytest.raises(TypeError, match="maximum length"):
            await publisher.publish_all([good, replace(good, message_id="x" * 300)])
        async with asyncio.timeout(1):
            assert await publisher.publish_all([good]) == [None]


async def test_counts_what_no_consumer_has_been_given(amqp_url: str) -> None:
    async with running(amqp_url) as publisher, await aio_pika.connect(amqp_url) as connection:
        channel = await connection.channel()
        await (await channel.get_queue(LANE, ensure=False)).purge()
        await publisher.connected()
        for _ in range(3):
            await publisher.publish(message())
        await until_counted(publisher, LANE, 3)
        with pytest.raises(UnavailableError, match=r"no\.such\.queue"):
            await publisher.ready_counts(["no.such.queue"])
        await channel.set_qos(prefetch_count=2)
        queue = await channel.get_queue(LANE, ensure=False)
        await queue.consume(keep)
        await until_counted(publisher, LANE, 1)
        await publisher.publish(message())
        await queue.purge()


async def keep(_: AbstractIncomingMessage) -> None:
    """Take a message, and say nothing of it."""


async def until_counted(publisher: Publisher, queue: str, count: int) -> None:
    """A quorum queue says so a moment after it has confirmed."""
    async with asyncio.timeout(5):
        while (await publisher.ready_counts([queue]))[queue] != count:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
