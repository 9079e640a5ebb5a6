"""One connection to the broker for publishing: opened and checked once, never repaired.

A plain connection on purpose: a channel that is being reopened behind our back can swallow a
publish. `servicekit.publisher` replaces a link that is lost as a whole.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import ChannelNotFoundEntity, DeliveryError
from aio_pika.exceptions import PublishError as ReturnedError
from aiormq import Channel as UnderlayChannel
from aiormq.abc import AbstractChannel as AbstractAiormqChannel
from aiormq.abc import ChannelFrame
from pamqp.body import ContentBody
from pamqp.commands import Basic
from pamqp.frame import marshal
from pamqp.header import ContentHeader

from servicekit.amqp import (
    CONNECT_SECONDS,
    ConnectionFailed,
    MissingTopologyError,
    check_topology,
    losses_as_connection_errors,
    open_connection,
)
from servicekit.tasks import end_task

_PERSISTENT: Final = 2
_CLOSE_SECONDS: Final = 2.5  # a broker that answers needs milliseconds; aiormq itself waits 2 s


class PublishError(Exception):
    """The broker has not confirmed; the message may be published again under the same id."""


class NotPublishedError(PublishError):
    """The broker certainly does not have it: refused, unroutable, or not connected."""


class PublishTimeoutError(PublishError):
    """It is not known whether the broker has it: the confirm did not come, or got lost."""


@dataclass(frozen=True)
class OutgoingMessage:
    """A message on its way to the broker; persistent always."""

    exchange: str
    routing_key: str
    body: bytes
    message_id: str
    correlation_id: str | None = None
    headers: Mapping[str, str | int | bool | None] = field(default_factory=dict)
    mandatory: bool = True


class Link(Protocol):
    """What the publisher needs of a connection."""

    @property
    def lost(self) -> asyncio.Event:
        """Set when it can no longer be used, by itself or by whoever gives it up."""
        ...

    async def publish(self, message: OutgoingMessage) -> None:
        """Publish and wait for the confirm, without a deadline; raises `PublishError`."""
        ...

    async def publish_all(
        self, messages: Sequence[OutgoingMessage], seconds: float
    ) -> list[PublishError | None]:
        """Publish many at once; of each, what went wrong within so many seconds, or None."""
        ...

    async def ready_count(self, queue: str) -> int:
        """Messages of a queue that no consumer has been given, without a deadline.

        Raises:
            MissingTopologyError: There is no such queue.
            AMQPError | OSError | RuntimeError: The connection was lost.
        """
        ...

    async def close(self) -> None:
        """Close it, whatever its state."""
        ...


class AmqpLink:
    """A link to RabbitMQ; the only one that publishes on its channel.

    What is published at one moment goes out in one write. aiormq's own `basic_publish` costs 0.15
    ms of our processor a message, nearly all of it for locks, deadlines and tasks; the frames
    themselves, and the confirms, are still aiormq's.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        channel: AbstractChannel,
        below: UnderlayChannel,
    ) -> None:
        self._connection = connection
        self._channel = channel  # kept: a connection forgets channels that nobody holds
        self._below = below
        self._flying: dict[str, asyncio.Event] = {}
        self._gathered: list[_Flight] = []
        self._wake = asyncio.Event()
        self._sending = asyncio.create_task(self._send(), name="amqp-link")
        self._asking: AbstractAiormqChannel | None = None
        self.lost = asyncio.Event()
        for callbacks in (connection.close_callbacks, channel.close_callbacks):
            callbacks.add(self._note_loss)
        if channel.is_closed:
            self.lost.set()

    async def publish(self, message: OutgoingMessage) -> None:
        """Publish and wait for the confirm, without a deadline.

        Raises:
            NotPublishedError: Refused or unroutable.
            PublishTimeoutError: The link was lost before the confirm came.
        """
        # aiormq finds the publish that a return belongs to by its message id: of two in flight
        # with one id, the first would count as confirmed although it was returned.
        while (earlier := self._flying.get(message.message_id)) is not None:
            await earlier.wait()
        flight = self._begin(message)
        try:
            with losses_as_connection_errors():
                await flight.confirm
        except Exception as error:
            raise _publish_error(message, error) from error
        finally:
            self._end(flight)

    async def publish_all(
        self, messages: Sequence[OutgoingMessage], seconds: float
    ) -> list[PublishError | None]:
        """Publish many at once; of each, what went wrong within so many seconds, or None."""
        if len({message.message_id for message in messages} - self._flying.keys()) < len(messages):
            return list(
                await asyncio.gather(*(self._publish_within(each, seconds) for each in messages))
            )
        flights: list[_Flight] = []
        try:
            for message in messages:
                flights.append(self._begin(message))  # noqa: PERF401 - those begun have to end
            await asyncio.wait([flight.confirm for flight in flights], timeout=seconds)
            return [_result(flight, seconds) for flight in flights]
        except NotPublishedError as error:  # lost before the first of them: there is no await
            return [error] * len(messages)
        finally:
            for flight in flights:
                self._end(flight)

    async def ready_count(self, queue: str) -> int:
        """Messages of a queue that no consumer has been given, without a deadline."""
        with losses_as_connection_errors():
            # On a channel of its own: a question about a queue that is missing closes it.
            if self._asking is None or self._asking.is_closed:
                transport = self._connection.transport
                if transport is None:
                    raise ConnectionError(NOT_CONNECTED)
                self._asking = await transport.connection.channel()
            try:
                declared = await self._asking.queue_declare(queue, passive=True)
            except ChannelNotFoundEntity as error:
                raise MissingTopologyError(f"RabbitMQ lacks the queue {queue}.") from error
        assert declared.message_count is not None
        return declared.message_count

    async def close(self) -> None:
        """Close the connection; whoever still waits for a confirm learns that it is lost."""
        self.lost.set()
        await end_task(self._sending)
        with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close()

    async def _publish_within(
        self, message: OutgoingMessage, seconds: float
    ) -> PublishError | None:
        try:
            async with asyncio.timeout(seconds):
                await self.publish(message)
        except PublishError as error:
            return error
        except TimeoutError:
            return _no_confirm(seconds)
        return None

    def _begin(self, message: OutgoingMessage) -> "_Flight":
        """Have a message sent with whatever else is there by then.

        Raises:
            NotPublishedError: The link is lost.
        """
        if self.lost.is_set():
            raise NotPublishedError(NOT_CONNECTED)
        flight = _Flight(message, self._frames(message), self._below.create_future())
        self._flying[message.message_id] = flight.ended
        self._gathered.append(flight)
        self._wake.set()
        return flight

    def _end(self, flight: "_Flight") -> None:
        flight.confirm.cancel()  # of no effect once it has come
        self._below.message_id_delivery_tag.pop(flight.message.message_id, None)
        del self._flying[flight.message.message_id]
        flight.ended.set()

    async def _send(self) -> None:
        """Send what was gathered; waits here alone while the broker does not read."""
        channel = self._below
        while True:
            await self._wake.wait()
            self._wake.clear()
            batch, self._gathered = self._gathered, []
            payload = bytearray()
            for flight in batch:
                if flight.confirm.done():
                    continue  # nobody waits for it any more
                channel.delivery_tag += 1
                channel.confirmations[channel.delivery_tag] = flight.confirm
                channel.message_id_delivery_tag[flight.message.message_id] = channel.delivery_tag
                payload += flight.frames
            if payload:
                await channel.write_queue.put(ChannelFrame(bytes(payload), should_close=False))

    def _frames(self, message: OutgoingMessage) -> bytes:
        number, body, size = self._below.number, message.body, self._below.max_content_size
        publish = Basic.Publish(
            exchange=message.exchange,
            routing_key=message.routing_key,
            mandatory=message.mandatory,
        )
        header = ContentHeader(properties=_to_properties(message), body_size=len(body))
        return b"".join(
            (
                marshal(publish, number),
                marshal(header, number),
                *(
                    marshal(ContentBody(body[at : at + size]), number)
                    for at in range(0, len(body), size)
                ),
            )
        )

    def _note_loss(self, *_: object) -> None:
        self.lost.set()


@dataclass(eq=False, slots=True)
class _Flight:
    """A message whose confirm has not come; `ended` is set when nobody waits for it any more."""

    message: OutgoingMessage
    frames: bytes
    confirm: "asyncio.Future[Any]"
    ended: asyncio.Event = field(default_factory=asyncio.Event)


def _result(flight: _Flight, seconds: float) -> PublishError | None:
    confirm = flight.confirm
    if not confirm.done():
        return _no_confirm(seconds)
    if confirm.cancelled():
        return _publish_error(flight.message, ConnectionError("it was closed"))
    error = confirm.exception()
    if error is None:
        return None
    if not isinstance(error, Exception):
        raise error
    return _publish_error(flight.message, error)


def _publish_error(message: OutgoingMessage, error: Exception) -> PublishError:
    """What an error of aiormq's says about a message.

    Raises:
        Exception: The error itself, where it is none of the broker's or the connection's.
    """
    if isinstance(error, DeliveryError | ReturnedError):
        msg = f"{message.exchange} refused {message.routing_key}: {error}"
        return NotPublishedError(msg)
    # aiormq rejects what waits on a lost connection with a bare Exception.
    if isinstance(error, ConnectionFailed) or type(error) is Exception:
        msg = f"the connection to RabbitMQ was lost before the confirm: {error}"
        return PublishTimeoutError(msg)
    raise error


def _no_confirm(seconds: float) -> PublishTimeoutError:
    return PublishTimeoutError(f"no confirm within {seconds:g} s")


async def open_link(url: str, name: str, exchanges: tuple[str, ...]) -> AmqpLink:
    """Connect once and check that the exchanges are there.

    Raises:
        MissingTopologyError: They are not.
        AMQPError | OSError | TimeoutError: The broker cannot be reached now.
    """
    with losses_as_connection_errors():
        connection = await open_connection(url, name=name)
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await check_topology(connection, queues=(), exchanges=exchanges)
                channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
                below = await channel.get_underlay_channel()
                assert isinstance(below, UnderlayChannel)
        except BaseException:
            await connection.close()
            raise
    return AmqpLink(connection, channel, below)


NOT_CONNECTED: Final = "not connected to RabbitMQ"


def _to_properties(message: OutgoingMessage) -> Basic.Properties:
    return Basic.Properties(
        content_type="application/json",
        headers=dict(message.headers),
        delivery_mode=_PERSISTENT,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
    )
