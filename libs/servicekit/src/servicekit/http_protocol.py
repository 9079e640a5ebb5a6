"""uvicorn's HTTP/1.1 with bounds that it lacks, and errors of the protocol in the envelope.

httptools puts no limit on a request's head: one header without an end keeps the event loop busy for
seconds and takes hundreds of megabytes, from anybody who can connect. Nor does uvicorn limit how
long a request may take to arrive.
"""

import asyncio
from http import HTTPStatus
from typing import Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from contracts.envelope import ErrorEnvelope
from contracts.error_codes import ErrorCode
from servicekit.correlation import CORRELATION_HEADER, new_correlation_id

MAX_HEAD_BYTES: Final = 64 * 1024
"""Request line and headers together; a chunk from the socket may exceed it by its own size."""
MAX_DISCARDED_BYTES: Final = 8 * 1024 * 1024
"""Of a body whose request was answered already: so many, that most clients see the answer."""
ARRIVAL_SECONDS: Final = 30.0
"""From a request's first byte to its last."""


class BoundedHttpProtocol(HttpToolsProtocol):
    """One client's connection; `arrival_seconds` is there for tests."""

    arrival_seconds: ClassVar[float] = ARRIVAL_SECONDS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_bytes = 0
        self._in_head = True
        self._discarded_bytes = 0
        self._refused = False
        self._arrival: asyncio.TimerHandle | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """The client, or we, closed the connection."""
        self._stop_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take the next bytes of a request."""
        if self._refused:
            return
        if self._arrival is None:
            self._arrival = self.loop.call_later(self.arrival_seconds, self._too_slow)
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self._refused:
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                ErrorCode.PAYLOAD_TOO_LARGE,
                f"The request's line and headers are larger than {MAX_HEAD_BYTES} bytes.",
            )

    def on_headers_complete(self) -> None:
        """The head is complete."""
        self._in_head = False
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A part of the body; what comes after the answer is discarded, and not without end."""
        super().on_body(body)
        if self.cycle.response_complete:
            self._discarded_bytes += len(body)
            if self._discarded_bytes > MAX_DISCARDED_BYTES and not self._refused:
                self._refused = True
                self._stop_waiting()
                self.transport.close()

    def on_message_complete(self) -> None:
        """The request is complete; the next one on this connection begins."""
        self._in_head, self._head_bytes, self._discarded_bytes = True, 0, 0
        self._stop_waiting()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, ErrorCode.MALFORMED_REQUEST, msg)

    def _too_slow(self) -> None:
        self._refuse(
            HTTPStatus.REQUEST_TIMEOUT,
            ErrorCode.MALFORMED_REQUEST,
            f"The request was not complete within {self.arrival_seconds:g} s.",
        )

    def _refuse(self, status: HTTPStatus, code: ErrorCode, message: str) -> None:
        self._refused = True
        self._stop_waiting()
        exchange: RequestResponseCycle | None = self.cycle
        if exchange is None or exchange.response_complete:
            self.transport.write(_answer(status, code, message))
        # Else an answer has begun, or will: another one in between would only confuse the client.
        self.transport.close()

    def _stop_waiting(self) -> None:
        if self._arrival is not None:
            self._arrival.cancel()
            self._arrival = None


def _answer(status: HTTPStatus, code: ErrorCode, message: str) -> bytes:
    envelope = ErrorEnvelope(message=message, error=code)
    body = envelope.model_dump_json(exclude={"details"}).encode()
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\n"
        f"{CORRELATION_HEADER}: {new_correlation_id()}\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Connection: close\r\n\r\n"
    )
    return head.encode() + body
