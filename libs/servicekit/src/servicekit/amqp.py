"""RabbitMQ connections: opened in the background, watched, and never used to declare anything.

The broker's topology comes from `rabbitmq-config/definitions.json` alone. A process uses one
connection to publish and another to consume: under an alarm the broker stops reading connections
that publish, and acknowledgements on such a connection would stall with it.
"""

import asyncio
import contextlib
from collections.abc import Iterable, Iterator
from typing import Final

import aio_pika
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity
from pamqp.exceptions import PAMQPException

_HEARTBEAT_SECONDS: Final = 15
RECONNECT_SECONDS: Final = 2
CONNECT_SECONDS: Final = 10.0
_LOST: Final = "the connection was lost"

ConnectionFailed = (AMQPError, PAMQPException, OSError, TimeoutError, RuntimeError)
"""What connecting raises while the broker is away; RuntimeError where it goes away meanwhile."""


class MissingTopologyError(RuntimeError):
    """The broker lacks queues or exchanges that this process needs."""


async def open_connection(url: str, *, name: str) -> AbstractConnection:
    """Open one connection; a short heartbeat finds a frozen broker within a minute.

    Not aio-pika's robust one: whoever owns a connection replaces it whole when it breaks, so that
    coming back is the same code path as starting.

    Args:
        url: `amqp://user:password@host:port/vhost`.
        name: Shown in the broker's list of connections.

    Raises:
        AMQPError | OSError | TimeoutError: The broker cannot be reached now.
    """
    separator = "&" if "?" in url else "?"
    return await aio_pika.connect(
        f"{url}{separator}heartbeat={_HEARTBEAT_SECONDS}",
        timeout=CONNECT_SECONDS,
        client_properties={"connection_name": name},
    )


async def check_topology(
    connection: AbstractConnection, *, queues: Iterable[str], exchanges: Iterable[str]
) -> None:
    """Make sure that the broker has what this process needs, without declaring anything.

    Raises:
        MissingTopologyError: Names what is missing and what to do.
        AMQPError | OSError | TimeoutError: The connection was lost, or the broker does not answer.
    """
    async with asyncio.timeout(CONNECT_SECONDS):
        missing = [
            *[f"queue {name}" for name in queues if not await _exists(connection, queue=name)],
            *[
                f"exchange {name}"
                for name in exchanges
                if not await _exists(connection, exchange=name)
            ],
        ]
    if missing:
        msg = (
            f"RabbitMQ lacks {', '.join(missing)}. Load rabbitmq-config/definitions.json into the "
            "broker (load_definitions in rabbitmq.conf, or rabbitmqctl import_definitions)."
        )
        raise MissingTopologyError(msg)


async def _exists(
    connection: AbstractConnection, *, queue: str | None = None, exchange: str | None = None
) -> bool:
    # A passive declaration that fails closes its channel, so each check has a channel of its own,
    # below aio-pika's robust layer, which would declare again after a reconnect.
    transport = connection.transport
    if transport is None:
        raise ConnectionError(_LOST)
    channel = await transport.connection.channel()
    try:
        if queue is not None:
            await channel.queue_declare(queue, passive=True)
        if exchange is not None:
            await channel.exchange_declare(exchange=exchange, passive=True)
    except ChannelNotFoundEntity:
        return False
    finally:
        with contextlib.suppress(AMQPError, RuntimeError):
            await channel.close()
    return True


@contextlib.contextmanager
def losses_as_connection_errors() -> Iterator[None]:
    """Raise `ConnectionError` where aiormq hides a lost connection in something else.

    When a connection closes it cancels what waits for the broker, or rejects it with a bare
    `Exception`. Taken for our own cancellation, or for a mistake in the code, either would end the
    task that publishes or consumes.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise ConnectionError(_LOST) from error
    except Exception as error:
        if type(error) is not Exception:
            raise
        raise ConnectionError(_LOST) from error
