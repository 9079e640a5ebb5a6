"""A bounded set of kept connections to one SMTP server, opened as they are needed."""

import asyncio
import ssl
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from delivery.errors import TransientDeliveryError
from email_service.adapters.smtp_connection import SmtpConnection
from email_service.adapters.smtp_server import SmtpServer


@dataclass(frozen=True, slots=True)
class PoolLimits:
    """How many connections, and how long one is kept.

    Attributes:
        size: Connections at once; as many as there are sends at once, or sends will wait.
        idle_seconds: Unused for longer, a connection is not used again. SMTP servers hang up on
            idle clients; Postfix after 300 s, some after 60 s.
        messages_per_connection: SMTP servers end sessions after some number; Exim after 1,000.
    """

    size: int = 10
    idle_seconds: float = 30.0
    messages_per_connection: int = 100


class SmtpConnectionPool:
    """Lends connections out, one message at a time.

    Args:
        server: Where they lead.
        tls_context: Verifies the SMTP server; None without TLS.
        limits: Of the pool.
        monotonic: Seconds that never go back.
    """

    def __init__(
        self,
        server: SmtpServer,
        tls_context: ssl.SSLContext | None,
        limits: PoolLimits,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._tls_context = tls_context
        self._limits = limits
        self._monotonic = monotonic
        self._free = asyncio.Semaphore(limits.size)
        self._idle: deque[SmtpConnection] = deque()
        self._closed = False

    @asynccontextmanager
    async def connection(self, *, fresh: bool = False) -> AsyncIterator[SmtpConnection]:
        """Borrow a connection; it is kept afterwards if its state is certain, else dropped.

        Args:
            fresh: Open a new one, because a kept one was found dead: then all kept ones may be.

        Raises:
            TransientDeliveryError: The SMTP server cannot be reached or refuses us
                (`provider_failed`), or no connection became free within its timeout.
        """
        try:
            async with asyncio.timeout(self._server.timeout_seconds):
                await self._free.acquire()
        except TimeoutError as error:
            raise TransientDeliveryError(
                "no_free_connection", detail=f"all {self._limits.size} connections were in use"
            ) from error
        try:
            if fresh:
                self._drop_idle()
            connection = self._take_idle() or await SmtpConnection.open(
                self._server, self._tls_context
            )
            try:
                yield connection
            finally:
                self._give_back(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """End all idle sessions; connections in use are dropped when they come back."""
        self._closed = True
        connections = list(self._idle)
        self._idle.clear()
        await asyncio.gather(*(connection.quit() for connection in connections))

    def _take_idle(self) -> SmtpConnection | None:
        # The oldest first go out of use, so a pool shrinks to what the load needs
        while self._idle and not self._is_fit(self._idle[0]):
            self._idle.popleft().abandon()
        while self._idle:
            connection = self._idle.pop()
            if self._is_fit(connection):
                return connection
            connection.abandon()
        return None

    def _is_fit(self, connection: SmtpConnection) -> bool:
        age = self._monotonic() - connection.idle_since
        return connection.is_usable and age <= self._limits.idle_seconds

    def _give_back(self, connection: SmtpConnection) -> None:
        if not connection.is_usable:
            # Those that lie idle lead the same way; else deliveries would find out one by one
            self._drop_idle()
        worn_out = connection.messages >= self._limits.messages_per_connection
        if self._closed or worn_out or not connection.is_usable:
            connection.abandon()
            return
        connection.idle_since = self._monotonic()
        self._idle.append(connection)

    def _drop_idle(self) -> None:
        while self._idle:
            self._idle.pop().abandon()
