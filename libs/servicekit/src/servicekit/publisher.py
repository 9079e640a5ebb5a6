"""Publishes with confirms: a publish that returns is stored by the broker; else it raises."""

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractExchange, AbstractRobustConnection, HeadersType
from aio_pika.exceptions import AMQPError, DeliveryError
from aio_pika.exceptions import PublishError as ReturnedError

from servicekit.amqp import check_connection, check_topology, connect_when_possible
from servicekit.logs import get_logger

_log = get_logger(__name__)

PUBLISH_SECONDS: Final = 3.0
_TIMEOUTS_BEFORE_RESET: Final = 3


class PublishError(Exception):
    """The broker has not confirmed; the message may be published again under the same id."""


class NotPublishedError(PublishError):
    """The broker certainly does not have it: refused, unroutable, or not connected."""


class PublishTimeoutError(PublishError):
    """It is not known whether the broker has it."""


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


class Publisher:
    """A connection of its own for publishing, opened in the background.

    Args:
        url: `amqp://…`.
        name: Shown in the broker's list of connections.
        exchanges: Those it will publish to; checked when connected.
        publish_seconds: Deadline of one publish with its confirm.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        exchanges: tuple[str, ...],
        publish_seconds: float = PUBLISH_SECONDS,
    ) -> None:
        self._url = url
        self._name = name
        self._names = exchanges
        self._publish_seconds = publish_seconds
        self._connection: AbstractRobustConnection | None = None
        self._channel: AbstractChannel | None = None
        self._exchanges: dict[str, AbstractExchange] = {}
        self._connecting: asyncio.Task[None] | None = None
        self._timeouts = 0

    def start(self) -> None:
        """Begin to connect; publishing fails until that is done."""
        self._connecting = asyncio.create_task(self._connect(), name=f"{self._name}-connect")

    async def connected(self) -> None:
        """Wait until the connection stands.

        Raises:
            MissingTopologyError: The broker lacks an exchange.
        """
        assert self._connecting is not None, "start() comes first"
        await asyncio.shield(self._connecting)

    async def close(self) -> None:
        """Close the connection."""
        if self._connecting is not None:
            self._connecting.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await self._connecting
        await self._disconnect()

    async def publish(self, message: OutgoingMessage) -> None:
        """Publish one message and wait for the broker's confirm.

        Raises:
            NotPublishedError: The broker certainly does not have it.
            PublishTimeoutError: It is not known whether the broker has it.
        """
        exchange = self._exchanges.get(message.exchange)
        if exchange is None:
            msg = "not connected to RabbitMQ"
            raise NotPublishedError(msg)
        try:
            # Twice bounded: aio-pika's own time-out does not cover waiting for a channel that is
            # being reopened after a reconnect.
            async with asyncio.timeout(self._publish_seconds):
                await exchange.publish(
                    _to_amqp(message),
                    message.routing_key,
                    mandatory=message.mandatory,
                    timeout=self._publish_seconds,
                )
        except TimeoutError as error:
            self._note_timeout()
            msg = f"no confirm within {self._publish_seconds:g} s"
            raise PublishTimeoutError(msg) from error
        except (DeliveryError, ReturnedError) as error:
            msg = f"{message.exchange} refused {message.routing_key}: {error}"
            raise NotPublishedError(msg) from error
        except (AMQPError, OSError, RuntimeError) as error:
            msg = f"the connection to RabbitMQ is down: {type(error).__name__}"
            raise NotPublishedError(msg) from error
        self._timeouts = 0

    async def check(self) -> None:
        """Raise when the connection is not up."""
        if self._connecting is not None and self._connecting.done():
            self._connecting.result()
        check_connection(self._connection)

    async def _connect(self) -> None:
        connection = await connect_when_possible(self._url, name=self._name)
        self._connection = connection
        await check_topology(connection, queues=(), exchanges=self._names)
        self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        self._exchanges = {
            name: await self._channel.get_exchange(name, ensure=False) for name in self._names
        }
        _log.info("amqp.publisher_connected", connection=self._name)

    async def _disconnect(self) -> None:
        self._exchanges = {}
        connection, self._connection, self._channel = self._connection, None, None
        if connection is not None:
            with contextlib.suppress(AMQPError, OSError, RuntimeError, TimeoutError):
                async with asyncio.timeout(2):
                    await connection.close()

    def _note_timeout(self) -> None:
        """Replace a connection that keeps timing out; publishes can hang after a reconnect."""
        self._timeouts += 1
        if self._timeouts >= _TIMEOUTS_BEFORE_RESET and self._connecting is not None:
            if not self._connecting.done():
                return
            self._timeouts = 0
            _log.warning("amqp.publisher_reset", connection=self._name)
            self._connecting = asyncio.create_task(self._reset(), name=f"{self._name}-reset")

    async def _reset(self) -> None:
        await self._disconnect()
        await self._connect()


def _to_amqp(message: OutgoingMessage) -> aio_pika.Message:
    headers: HeadersType = dict(message.headers)
    return aio_pika.Message(
        message.body,
        headers=headers,
        content_type="application/json",
        delivery_mode=aio_pika.DeliveryMode.PERSISTENT,
        message_id=message.message_id,
        correlation_id=message.correlation_id,
    )
