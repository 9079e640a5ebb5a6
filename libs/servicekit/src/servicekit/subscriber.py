"""Consumes queues over a connection of its own, and begins from nothing whenever that breaks.

Not built on aio-pika's robust connection: a consumer that silently failed to come back is the
failure to avoid, and connecting anew is the same code path at every start.
"""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractConnection, AbstractIncomingMessage, AbstractQueue
from aio_pika.exceptions import AMQPError

from servicekit.amqp import (
    ConnectionFailed,
    MissingTopologyError,
    check_topology,
    connection_parameters,
    losses_as_connection_errors,
)
from servicekit.logs import get_logger

_log = get_logger(__name__)

_RECONNECT_SECONDS: Final = 2.0
_TOPOLOGY_SECONDS: Final = 5.0
_STOP_SECONDS: Final = 2.0


class Subscriber:
    """Receives the messages of some queues.

    Args:
        url: `amqp://…`.
        name: Shown in the broker's list of connections.
        prefetch: For each queue, how many unacknowledged messages may be here at once.
        receive: Called for each message; must return at once. Whoever receives a message also
            acknowledges it, by `acknowledge`.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        prefetch: Mapping[str, int],
        receive: Callable[[AbstractIncomingMessage], None],
    ) -> None:
        self._url = url
        self._name = name
        self._prefetch = dict(prefetch)
        self._receive = receive
        self._consuming = False
        self._last_error = "not connected"
        self._consumers: list[tuple[AbstractQueue, str]] = []
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to connect and consume, for as long as it takes."""
        self._task = asyncio.create_task(self._run(), name=f"{self._name}-subscriber")

    async def pause(self) -> None:
        """Take no further messages; those that are here can still be acknowledged."""
        for queue, tag in self._consumers:
            with contextlib.suppress(AMQPError, OSError, RuntimeError, TimeoutError):
                await asyncio.wait_for(queue.cancel(tag), _STOP_SECONDS)
        self._consumers = []

    async def stop(self) -> None:
        """Close the connection; the broker hands unacknowledged messages to others."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def check(self) -> None:
        """Raise when no messages can come."""
        if not self._consuming:
            raise ConnectionError(self._last_error)

    async def _run(self) -> None:
        while True:
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
            finally:
                self._consuming = False
                self._consumers = []
            await asyncio.sleep(pause)

    async def _consume_until_broken(self) -> None:
        connection = await aio_pika.connect(**connection_parameters(self._url, self._name))
        try:
            await check_topology(connection, queues=self._prefetch, exchanges=())
            broken = asyncio.Event()
            connection.close_callbacks.add(lambda *_: broken.set())
            # A channel keeps its consumers only as long as somebody keeps the channel.
            channels = [
                await self._consume(connection, queue, count, broken)
                for queue, count in self._prefetch.items()
            ]
            self._consuming = True
            _log.info("amqp.subscribed", connection=self._name, queues=list(self._prefetch))
            await broken.wait()
            del channels
        finally:
            await _close(connection)

    async def _consume(
        self, connection: AbstractConnection, name: str, prefetch: int, broken: asyncio.Event
    ) -> AbstractChannel:
        channel = await connection.channel(publisher_confirms=False)
        channel.close_callbacks.add(lambda *_: broken.set())
        await channel.set_qos(prefetch_count=prefetch)
        queue = await channel.get_queue(name, ensure=False)
        queue.close_callbacks.add(lambda *_: broken.set())

        async def on_message(message: AbstractIncomingMessage) -> None:
            self._receive(message)

        self._consumers.append((queue, await queue.consume(on_message)))
        return channel


async def acknowledge(message: AbstractIncomingMessage) -> None:
    """Tell the broker that a message is done with.

    After a lost connection the broker has already given it to somebody else, who will find it
    settled; there is nothing to acknowledge then.
    """
    try:
        await message.ack()
    except (AMQPError, OSError, RuntimeError) as error:
        _log.info("amqp.ack_lost", error=type(error).__name__)


async def _close(connection: AbstractConnection) -> None:
    with contextlib.suppress(AMQPError, OSError, RuntimeError, TimeoutError):
        async with asyncio.timeout(_STOP_SECONDS):
            await connection.close()
