"""Where SendGrid's v3 API is reached, and by which account."""

from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from servicekit.http_client import AsyncClient, create_http_client

BASE_URL: Final = "https://api.sendgrid.com"
"""For accounts in the EU it is https://api.eu.sendgrid.com."""

_THIS_MACHINE: Final = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, slots=True)
class SendGridAccount:
    """The account and our way of speaking to it.

    Attributes:
        api_key: One with the permission "Mail Send"; begins with `SG.`.
        base_url: https, or http to this machine.
        ca_file: Certificates to trust instead of the system's.
        timeout_seconds: For a whole call. Below the attempt's deadline, because only the call
            itself knows whether the mail was already handed over when an answer stays out.
        connect_seconds: For the TCP connection, and for TLS.
        max_connections: As many are kept.
    """

    api_key: str = field(repr=False)
    base_url: str = BASE_URL
    ca_file: str | None = None
    timeout_seconds: float = 14.0
    connect_seconds: float = 4.0
    max_connections: int = 32

    def __post_init__(self) -> None:
        key = self.api_key
        if not key or not key.isascii() or not key.isprintable() or " " in key:
            msg = "SendGrid's API key must be one word of ASCII characters."
            raise ValueError(msg)
        if not _is_safe(self.base_url):
            msg = (
                "SendGrid's base URL must be an https address, or http to this machine, not "
                f"{self.base_url!r}."
            )
            raise ValueError(msg)

    def create_client(self) -> AsyncClient:
        """A client that signs in with each call, over kept HTTP/1.1 connections.

        Raises:
            OSError: `ca_file` cannot be read.
        """
        return create_http_client(
            self.base_url,
            timeout_seconds=self.timeout_seconds,
            headers={"Authorization": f"Bearer {self.api_key}"},
            max_connections=self.max_connections,
            ca_file=self.ca_file,
        )


def _is_safe(url: str) -> bool:
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and parts.port != 0  # reading the port checks it
    except ValueError:
        return False
    local = parts.scheme == "http" and parts.hostname in _THIS_MACHINE
    return has_host and (parts.scheme == "https" or local) and url.isascii() and url.isprintable()
