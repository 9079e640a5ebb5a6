"""Goes on trying to store something for as long as it takes, and says why it could not so far."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from servicekit.errors import UnavailableError
from servicekit.logs import get_logger

_log = get_logger(__name__)

_RETRY_SECONDS: Final = 1.0

T = TypeVar("T")
Sleep = Callable[[float], Awaitable[None]]


class Persistence:
    """Tries again whatever went wrong, but for what will never go right.

    Args:
        event: What the log calls a failure: `outcomes.not_recorded`.
        hopeless: The error that is passed on.
        sleep: Waits, in seconds, before the next try.
    """

    def __init__(
        self, event: str, *, hopeless: type[Exception], sleep: Sleep = asyncio.sleep
    ) -> None:
        self._event = event
        self._hopeless = hopeless
        self._sleep = sleep
        self._trouble: str | None = None

    @property
    def trouble(self) -> str | None:
        """Why it did not work so far; None: nothing is wrong."""
        return self._trouble

    async def __call__(self, attempt: Callable[[], Awaitable[T]], *, count: int) -> T:
        """Store something.

        Args:
            attempt: Tries once.
            count: How many things it is about, for the log.
        """
        while True:
            try:
                result = await attempt()
            except self._hopeless:
                self._trouble = None
                raise
            except UnavailableError as error:
                self._trouble = error.message
                _log.warning(self._event, count=count, error=error.message)
            except Exception as error:
                # A defect, or a database that is not as we know it: nothing may be thrown away,
                # and readiness and log say that nothing moves.
                self._trouble = type(error).__name__
                _log.exception(self._event, count=count)
            else:
                self._trouble = None
                return result
            await self._sleep(_RETRY_SECONDS)
