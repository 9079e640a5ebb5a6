"""Who asks, as far as accepting depends on it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Caller:
    """Who asks, and under which ids the request travels.

    Attributes:
        rate_per_minute: How many notifications a minute they may ask for; None: any number.
    """

    client_id: str
    correlation_id: str
    traceparent: str | None = None
    rate_per_minute: int | None = None
