"""One connection to the broker for publishing: opened and checked once, never repaired.

A plain connection on purpose: a channel that is being reopened behind our back can swallow a
publish. `servicekit.publisher` replaces a link that is lost as a whole.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from aio_pika.abc import AbstractChannel, AbstractConnection
from aio_pika.exceptions import DeliveryError
from aio_pika.exceptions import PublishError as ReturnedError
from aiormq import Channel as UnderlayChannel
from pamqp.commands import Basic

from servicekit.amqp import (
    CONNECT_SECONDS,
    ConnectionFailed,
    check_topology,
    losses_as_connection_errors,
    open_connection,
)

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

    async def close(self) -> None:
        """Close it, whatever its state."""
        ...


class AmqpLink:
    """A link to RabbitMQ."""

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
        done = self._flying[message.message_id] = asyncio.Event()
        try:
            await self._publish(message)
        finally:
            del self._flying[message.message_id]
            done.set()

    async def close(self) -> None:
        """Close the connection; whoever still waits for a confirm learns that it is lost."""
        self.lost.set()
        with contextlib.suppress(*ConnectionFailed), losses_as_connection_errors():
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._connection.close()

    async def _publish(self, message: OutgoingMessage) -> None:
        if self.lost.is_set():
            raise NotPublishedError(NOT_CONNECTED)
        try:
            with losses_as_connection_errors():
                # Below aio-pika, whose message object costs as much as the frames; and without
                # waiting until the socket has taken them, which would let one publish at a time
                # through: the confirm is waited for anyway.
                await self._below.basic_publish(
                    message.body,
                    exchange=message.exchange,
                    routing_key=message.routing_key,
                    properties=_to_properties(message),
                    mandatory=message.mandatory,
                    wait=False,
                )
        except (DeliveryError, ReturnedError) as error:
            msg = f"{message.exchange} refused {message.routing_key}: {error}"
            raise NotPublishedError(msg) from error
        except ConnectionFailed as error:
            msg = f"the connection to RabbitMQ was lost before the confirm: {error}"
            raise PublishTimeoutError(msg) from error

    def _note_loss(self, *_: object) -> None:
        self.lost.set()


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
