"""Consumes queues over a connection of its own, and begins from nothing whenever that breaks.

Not built on aio-pika's robust connection: a consumer that silently failed to come back is the
failure to avoid, and connecting anew is the same code path at every start.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue

from servicekit.amqp import (
    ConnectionFailed,
    MissingTopologyError,
    check_topology,
    losses_as_connection_errors,
    open_connection,
)
from servicekit.logs import get_logger
from servicekit.tasks import end_task

_log = get_logger(__name__)

_RECONNECT_SECONDS: Final = 2.0
_TOPOLOGY_SECONDS: Final = 5.0
_PAUSE_SECONDS: Final = 2.0
_TAKE_SECONDS: Final = 5.0
_BEGIN_SECONDS: Final = 5.0
_CLOSE_SECONDS: Final = 2.5  # aiormq itself waits 2 s for a broker that does not answer


@dataclass
class _Consumer:
    """One queue on its channel; without a tag it is not consumed now."""

    channel: AbstractChannel
    queue: AbstractQueue
    broken: asyncio.Event
    tag: str | None = None


class Subscriber:
    """Receives the messages of some queues.

    Args:
        url: `amqp://…`.
        name: Shown in the broker's list of connections.
        prefetch: For each queue, how many unacknowledged messages may be here at once.
        receive: Called for each message; must return at once. Whoever receives a message also
            ends it, by `acknowledge` or `give_back`.
        lost: Called when a connection is gone; what was received over it and not acknowledged
            will be received again.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prefetch: Mapping[str, int],
        receive: Callable[[AbstractIncomingMessage], None],
        lost: Callable[[], None] | None = None,
    ) -> None:
        self._url = url
        self._name = name
        self._prefetch = dict(prefetch)
        self._receive = receive
        self._lost = lost
        self._is_paused = False
        self._is_suspended = False
        self._consuming = False
        self._last_error = "not connected"
        # Held here, too, because a connection keeps its channels by weak references only.
        self._consumers: list[_Consumer] = []
        self._changing = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect and consume, for as long as it takes."""
        assert self._task is None, "start() comes once"
        self._task = asyncio.create_task(self._run(), name=f"{self._name}-subscriber")

    async def pause(self) -> None:
        """Take no further messages, for good; those that are here can still be acknowledged.

        Takes two seconds at most, whatever the broker does.
        """
        self._is_paused = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_PAUSE_SECONDS), self._changing:
                await asyncio.gather(*(_cancel(consumer) for consumer in self._consumers))

    async def suspend(self) -> None:
        """Take no further messages until `resume`; the connection stays."""
        self._is_suspended = True
        async with self._changing:
            await asyncio.gather(*(_cancel(consumer) for consumer in self._consumers))

    async def resume(self) -> None:
        """Take messages again.

        Raises:
            ConnectionError: The connection broke meanwhile; the next one consumes by itself.
        """
        self._is_suspended = False
        async with self._changing:
            with _failures_as_connection_errors():
                for consumer in self._consumers:
                    if not self._is_paused:
                        await self._begin(consumer)

    async def take_one(self) -> AbstractIncomingMessage | None:
        """One message from the first queue that has any, while suspended; None: all are empty.

        Raises:
            ConnectionError: The connection is not up, or broke.
        """
        if not self._consumers:
            raise ConnectionError(self._last_error)
        with _failures_as_connection_errors():
            async with asyncio.timeout(_TAKE_SECONDS):
                for consumer in self._consumers:
                    if (message := await consumer.queue.get(fail=False)) is not None:
                        return message
        return None

    async def waiting(self) -> int:
        """How many messages nobody has received yet, in all queues together.

        Raises:
            ConnectionError: The connection is not up, or broke.
        """
        if not self._consumers:
            raise ConnectionError(self._last_error)
        with _failures_as_connection_errors():
            async with asyncio.timeout(_TAKE_SECONDS):
                counts = [
                    (await one.channel.declare_queue(one.queue.name, passive=True))
                    for one in self._consumers
                ]
        return sum(count.declaration_result.message_count or 0 for count in counts)

    async def stop(self) -> None:
        """Close the connection; the broker hands unacknowledged messages to others."""
        await end_task(self._task)

    async def check(self) -> None:
        """Raise when no messages can come."""
        if not self._consuming:
            raise ConnectionError(self._last_error)

    async def _run(self) -> None:
        while not self._is_paused:
            pause = _RECONNECT_SECONDS
            try:
                with losses_as_connection_errors():
                    await self._consume_until_broken()
                self._last_error = "the connection was lost"
                _log.warning("amqp.subscriber_disconnected", connection=self._name)
            except MissingTopologyError as error:
                _log.error("amqp.topology_missing", connection=self._name, error=str(error))
                self._last_error, pause = str(error), _TOPOLOGY_SECONDS
            except ConnectionFailed as error:
                if str(error) != self._last_error:
                    _log.warning("amqp.waiting_for_broker", connection=self._name, error=str(error))
                self._last_error = str(error)
            except Exception as error:
                # A defect, ours or of the library: told in full, and no reason to go deaf for ever.
                _log.exception("amqp.subscriber_failed", connection=self._name)
                self._last_error = f"{type(error).__name__}: {error}"
            finally:
                self._consuming = False
                self._consumers = []
            await asyncio.sleep(pause)

    async def _consume_until_broken(self) -> None:
        connection = await open_connection(self._url, name=self._name)
        try:
            await check_topology(connection, queues=self._prefetch, exchanges=())
            broken = asyncio.Event()
            connection.close_callbacks.add(lambda *_: broken.set())
            self._consumers = [
                await self._open(connection, queue, count, broken)
                for queue, count in self._prefetch.items()
            ]
            async with self._changing:
                for consumer in self._consumers:
                    if not (self._is_paused or self._is_suspended):
                        await self._begin(consumer)
            self._consuming = True
            _log.info("amqp.subscribed", connection=self._name, queues=list(self._prefetch))
            await broken.wait()
        finally:
            await _close(connection)
            if self._lost is not None:
                self._lost()

    async def _open(
        self, connection: AbstractConnection, name: str, prefetch: int, broken: asyncio.Event
    ) -> _Consumer:
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: broken.set())
        # The broker ends a consumer, and nothing else, when its queue is deleted or moves away;
        # only aio-pika's robust channels would take notice by themselves.
        below = await channel.get_underlay_channel()
        below.on_consumer_cancel_callbacks.add(lambda _: broken.set())
        await channel.set_qos(prefetch_count=prefetch)
        return _Consumer(channel, await channel.get_queue(name, ensure=False), broken)

    async def _begin(self, consumer: _Consumer) -> None:
        if consumer.tag is not None:
            return

        async def on_message(message: AbstractIncomingMessage) -> None:
            try:
                self._receive(message)
            except Exception:
                # Nobody will ever end this message; a new connection brings it again.
                _log.exception(
                    "amqp.receive_failed", connection=self._name, queue=consumer.queue.name
                )
                consumer.broken.set()

        try:
            # A frozen broker must not keep whoever wants to suspend or to pause.
            async with asyncio.timeout(_BEGIN_SECONDS):
                consumer.tag = await consumer.queue.consume(on_message)
        except BaseException:
            # Whether the broker has begun is not known; a new connection makes it certain.
            consumer.broken.set()
            raise
        if self._is_paused:  # meanwhile, without waiting for us
            await _cancel(consumer)


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Tell the broker that a message is done with.

    After a lost connection the broker has already given it to somebody else, who will find it
    settled; there is nothing to acknowledge then.
    """
    try:
        with losses_as_connection_errors():
            # Not message.ack(), which waits until the socket has taken the frame: nothing comes of
            # that wait, and it is a turn of the loop for each message.
            assert message.delivery_tag is not None
            await message.channel.basic_ack(message.delivery_tag, wait=False)
    except ConnectionFailed as error:
        _log.info("amqp.ack_lost", error=type(error).__name__)


async def give_back(message: AbstractIncomingMessage) -> None:
    """Let the broker hand a message out again, to us or to others."""
    try:
        with losses_as_connection_errors():
            # Not nack: RabbitMQ 4.3 counts no deliveries of what is nacked.
            await message.reject(requeue=True)
    except ConnectionFailed as error:
        _log.info("amqp.give_back_lost", error=type(error).__name__)


@contextlib.contextmanager
def _failures_as_connection_errors() -> Iterator[None]:
    """Raise `ConnectionError` for all that a connection which breaks meanwhile can raise."""
    try:
        with losses_as_connection_errors():
            yield
    except ConnectionFailed as error:
        msg = f"{type(error).__name__}: {error}"
        raise ConnectionError(msg) from error


async def _cancel(consumer: _Consumer) -> None:
    tag, consumer.tag = consumer.tag, None
    if tag is None:
        return
    with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
        async with asyncio.timeout(_PAUSE_SECONDS):
            await consumer.queue.cancel(tag)


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
        async with asyncio.timeout(_CLOSE_SECONDS):
            await connection.close()
