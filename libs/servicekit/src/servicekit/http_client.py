"""HTTP calls to our own services and to providers: the one module that imports httpx.

httpx has no total deadline; callers put `asyncio.timeout` around a call that has one.
"""

import ssl
from collections.abc import Mapping
from typing import Final

import httpx

from servicekit.correlation import outgoing_headers
from servicekit.service_tokens import SERVICE_TOKEN_HEADER

AsyncClient = httpx.AsyncClient
HttpResponse = httpx.Response
TransportError = httpx.TransportError
ConnectError = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
"""Nothing was sent yet: the call had no effect."""
UnreadableError = httpx.DecodingError
"""There was an answer, and it is not encoded as it says."""

_KEPT_SECONDS: Final = 3.0
"""Below the 5 s after which uvicorn ends an idle connection: a call on one that is just being ended
fails, and nobody can tell whether it was heard."""


def create_http_client(
    base_url: str = "",
    *,
    timeout_seconds: float,
    service_token: str | None = None,
    headers: Mapping[str, str] | None = None,
    max_connections: int = 100,
    http2: bool = False,
    ca_file: str | None = None,
) -> httpx.AsyncClient:
    """A client that follows no redirect, reads no proxy settings, and passes the correlation id on.

    Args:
        base_url: Put before relative paths.
        timeout_seconds: For each of connecting, writing, reading, and waiting for a connection.
        service_token: `<service>:<token>`, sent with each call.
        headers: Sent with each call.
        max_connections: As many are kept alive.
        http2: Offer HTTP/2 (by ALPN, so on https only).
        ca_file: Certificates to trust instead of the system's.
    """
    tls = ssl.create_default_context(cafile=ca_file)

    async def add_ids(request: httpx.Request) -> None:
        for name, value in outgoing_headers().items():
            request.headers.setdefault(name, value)

    all_headers = dict(headers or {})
    if service_token:
        all_headers[SERVICE_TOKEN_HEADER] = service_token
    return httpx.AsyncClient(
        base_url=base_url,
        timeout=timeout_seconds,
        headers=all_headers,
        limits=httpx.Limits(
            max_connections=max_connections,
            max_keepalive_connections=max_connections,
            keepalive_expiry=_KEPT_SECONDS,
        ),
        http2=http2,
        verify=tls,
        trust_env=False,
        follow_redirects=False,
        event_hooks={"request": [add_ids]},
    )
