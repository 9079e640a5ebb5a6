"""Publishes with confirms: a publish that returns is stored by the broker; else it raises."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from servicekit.amqp import RECONNECT_SECONDS, ConnectionFailed, MissingTopologyError
from servicekit.errors import UnavailableError
from servicekit.logs import get_logger
from servicekit.publishing_link import (
    NOT_CONNECTED,
    Link,
    NotPublishedError,
    OutgoingMessage,
    PublishError,
    PublishTimeoutError,
    open_link,
)

__all__ = [
    "NotPublishedError",
    "OutgoingMessage",
    "PublishError",
    "PublishTimeoutError",
    "Publisher",
]
from servicekit.tasks import end_task

_log = get_logger(__name__)

PUBLISH_SECONDS: Final = 3.0
_SILENT_DEADLINES: Final = 2
"""A connection without any confirm for this many deadlines is replaced."""

OpenLink = Callable[[str, str, tuple[str, ...]], Awaitable[Link]]
Sleep = Callable[[float], Awaitable[None]]


class Publisher:
    """A connection of its own for publishing, kept up in the background.

    Args:
        url: `amqp://…`.
        name: Shown in the broker's list of connections.
        exchanges: Those it will publish to; checked when connected.
        publish_seconds: Deadline of one publish with its confirm.
        open_connection: Connects once, given address, name and exchanges.
        sleep: Waits between two tries to connect.
    """

    def __init__(
        self,
        url: str,
        *,
        name: str,
        exchanges: tuple[str, ...],
        publish_seconds: float = PUBLISH_SECONDS,
        open_connection: OpenLink = open_link,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        self._url = url
        self._name = name
        self._names = exchanges
        self._publish_seconds = publish_seconds
        self._open = open_connection
        self._sleep = sleep
        self._link: Link | None = None
        self._missing: MissingTopologyError | None = None
        self._settled = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None
        self._silent_since: float | None = None

    def start(self) -> None:
        """Begin to connect; publishing fails until that is done."""
        assert self._keeping is None, "start() comes once"
        self._keeping = asyncio.create_task(self._keep(), name=f"{self._name}-connection")

    async def connected(self) -> None:
        """Wait until the connection stands.

        Raises:
            MissingTopologyError: The broker lacks an exchange.
        """
        assert self._keeping is not None, "start() comes first"
        await self._settled.wait()
        if self._missing is not None:
            raise self._missing

    async def close(self) -> None:
        """Close the connection for good."""
        await end_task(self._keeping)

    async def publish(self, message: OutgoingMessage) -> None:
        """Publish one message and wait for the broker's confirm.

        Raises:
            NotPublishedError: The broker certainly does not have it.
            PublishTimeoutError: It is not known whether the broker has it.
        """
        if message.exchange not in self._names:
            msg = f"{message.exchange} is not among the exchanges of {self._name}"
            raise NotPublishedError(msg)
        link = self._link
        if link is None:
            raise NotPublishedError(str(self._missing or NOT_CONNECTED))
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._publish_seconds):
                await link.publish(message)
        except TimeoutError as error:
            self._note_silence(link, started)
            msg = f"no confirm within {self._publish_seconds:g} s"
            raise PublishTimeoutError(msg) from error
        self._silent_since = None

    async def publish_all(self, messages: Sequence[OutgoingMessage]) -> list[PublishError | None]:
        """Publish many at once, and wait for their confirms.

        Returns:
            For each message what went wrong; None: the broker has it.
        """
        for message in messages:
            if message.exchange not in self._names:
                msg = f"{message.exchange} is not among the exchanges of {self._name}"
                raise NotPublishedError(msg)
        link = self._link
        if link is None:
            return [NotPublishedError(str(self._missing or NOT_CONNECTED))] * len(messages)
        started = time.monotonic()
        results = await link.publish_all(messages, self._publish_seconds)
        if any(result is None for result in results):
            self._silent_since = None
        elif all(isinstance(result, PublishTimeoutError) for result in results):
            self._note_silence(link, started)
        return results

    async def ready_counts(self, queues: Sequence[str]) -> dict[str, int]:
        """Of each queue, the messages that no consumer has been given.

        Raises:
            UnavailableError: The broker cannot be asked, does not answer in time, or lacks one.
        """
        link = self._link
        if link is None:
            raise UnavailableError(str(self._missing or NOT_CONNECTED))
        started = time.monotonic()
        try:
            async with asyncio.timeout(self._publish_seconds):
                return {queue: await link.ready_count(queue) for queue in queues}
        except TimeoutError as error:
            self._note_silence(link, started)
            msg = f"RabbitMQ did not say within {self._publish_seconds:g} s how much waits"
            raise UnavailableError(msg) from error
        except MissingTopologyError as error:
            raise UnavailableError(str(error)) from error
        except ConnectionFailed as error:
            raise UnavailableError(f"the connection to RabbitMQ was lost: {error}") from error

    async def check(self) -> None:
        """Raise when the connection is not up."""
        if self._missing is not None:
            raise self._missing
        if self._link is None:
            raise ConnectionError(NOT_CONNECTED)

    async def _keep(self) -> None:
        while True:
            try:
                await self._hold(await self._connect())
            except Exception:
                # A defect, ours or of the library, or an address that is none: told in full, and
                # no reason to publish nothing for ever.
                _log.exception("amqp.publisher_failed", connection=self._name)
                await self._sleep(RECONNECT_SECONDS)

    async def _hold(self, link: Link) -> None:
        self._link, self._silent_since = link, None
        self._missing = None
        self._settled.set()
        _log.info("amqp.publisher_connected", connection=self._name)
        try:
            await link.lost.wait()
            _log.warning("amqp.publisher_lost", connection=self._name)
        finally:
            self._link = None
            await link.close()

    async def _connect(self) -> Link:
        said: str | None = None
        while True:
            try:
                return await self._open(self._url, self._name, self._names)
            except MissingTopologyError as error:
                # Tried again: an operator may load the definitions while we run.
                self._missing = error
                self._settled.set()
                reason = str(error)
            except ConnectionFailed as error:
                reason = f"{type(error).__name__}: {error}"
            if reason != said:
                _log.warning("amqp.waiting_for_broker", connection=self._name, error=reason)
                said = reason
            await self._sleep(RECONNECT_SECONDS)

    def _note_silence(self, link: Link, started: float) -> None:
        """Give up a connection on which nothing is confirmed; it may never recover."""
        if link is not self._link:
            return
        if self._silent_since is None:
            self._silent_since = started
        if time.monotonic() - self._silent_since >= _SILENT_DEADLINES * self._publish_seconds:
            _log.warning("amqp.publisher_reset", connection=self._name)
            link.lost.set()
