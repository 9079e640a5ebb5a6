"""The caller of a request as the use cases know them, and what they are told of their rate."""

from typing import Final

from starlette.datastructures import MutableHeaders

from api_gateway.usecases.caller import Caller
from api_gateway.usecases.ports import RateState
from servicekit.access import CallerKind, Principal
from servicekit.correlation import (
    current_correlation_id,
    current_traceparent,
    new_correlation_id,
)

USER_RATE_PER_MINUTE: Final = 100
"""Of one signed-in user; an API key has a rate of its own, or none."""

RATE_HEADERS: Final = {
    "RateLimit-Policy": {
        "schema": {"type": "string"},
        "description": "The caller's rate, if there is one: `q` in `w` seconds.",
    },
    "RateLimit": {
        "schema": {"type": "string"},
        "description": "What is left of it: `r`, and all of it again in `t` seconds.",
    },
}
"""Of the answers that `tell_rate` adds to."""


def caller_of(sender: Principal) -> Caller:
    """Who asks, with the ids of the request that is being served."""
    return Caller(
        sender.caller_id,
        current_correlation_id() or new_correlation_id(),
        current_traceparent(),
        USER_RATE_PER_MINUTE if sender.kind is CallerKind.USER else sender.rate_per_minute,
    )


def tell_rate(headers: MutableHeaders, rate: RateState | None) -> None:
    """Say where a caller stands with their rate, if they have one."""
    if rate is not None:
        headers.update(rate.headers)
