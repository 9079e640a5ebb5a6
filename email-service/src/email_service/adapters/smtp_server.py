"""Where and how to reach the SMTP server that takes our mail."""

import ipaddress
import ssl
from dataclasses import dataclass, field
from enum import StrEnum


class SmtpTls(StrEnum):
    """How the connection is protected."""

    NONE = "none"
    """Not at all: only towards the same machine, or a network that the operator vouches for."""
    STARTTLS = "starttls"
    """Upgraded after connecting, without exception (RFC 3207); usually port 587."""
    IMPLICIT = "implicit"
    """From the first byte (RFC 8314); usually port 465."""


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """The server and our way of speaking to it.

    Attributes:
        host: Name or address; its certificate is checked against it.
        port: 25, 465, 587 …
        helo_name: What we call ourselves in EHLO: a host name of ours.
        tls: `NONE` is refused unless `host` is loopback or `allow_plaintext` is set.
        allow_plaintext: The network between is trusted, as inside a compose network.
        ca_file: Certificates to trust instead of the system's.
        username: With `password`, for AUTH.
        timeout_seconds: For each reply; connecting and the envelope together take no longer.
        connect_seconds: For all of TCP, TLS, EHLO and AUTH together, and for a kept connection's
            first reply: a server that has vanished must not take a delivery's whole time, because
            another provider may be waiting.
    """

    host: str
    port: int
    helo_name: str
    tls: SmtpTls
    allow_plaintext: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout_seconds: float = 20.0
    connect_seconds: float = 4.0

    def __post_init__(self) -> None:
        if self.tls is SmtpTls.NONE and not (self.allow_plaintext or _is_loopback(self.host)):
            msg = (
                f"SMTP to {self.host} would not be encrypted. Choose starttls or implicit, or "
                "allow plain text explicitly if the network between is trusted."
            )
            raise ValueError(msg)
        if (self.username is None) != (self.password is None):
            msg = "SMTP username and password must be given together."
            raise ValueError(msg)
        for name in ("host", "helo_name"):
            value: str = getattr(self, name)
            if not value.isascii() or not value.isprintable() or not value or " " in value:
                msg = f"SMTP {name} must be a host name in ASCII, not {value!r}."
                raise ValueError(msg)

    def create_tls_context(self) -> ssl.SSLContext | None:
        """What to verify the server with; None without TLS.

        Raises:
            OSError: `ca_file` cannot be read.
        """
        if self.tls is SmtpTls.NONE:
            return None
        return ssl.create_default_context(cafile=self.ca_file)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
