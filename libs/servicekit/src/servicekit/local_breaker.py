"""One process's breaker of one service: the rules of `servicekit.breaker` by its own clock.

Processes do not share it: a service that is away is noticed by each within a few calls, and asking
Redis before each call would cost more than that.
"""

import time
from collections.abc import Callable
from typing import Final

from servicekit.breaker import (
    BreakerRules,
    BreakerState,
    Change,
    Permit,
    Phase,
    after_failure,
    after_success,
    phase_of,
    wait_of,
    with_probe,
    without_probe,
)
from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)

SERVICE_RULES: Final = BreakerRules(failures=5, open_seconds=1.0, successes=1, ramp_seconds=0.0)
"""A service comes back within seconds, when its process is started anew, and takes all at once."""


class LocalBreaker:
    """Says whether a service may be called now, and hears how that ended.

    Each permit has to be ended by exactly one of `succeeded`, `failed` and `unused`.

    Args:
        service: Its name, for the log and the metrics.
        probe_seconds: How long a call takes at most; an unended probe gives way to the next then.
        rules: When it opens and closes.
        monotonic: Seconds that never go back.
        metrics: Shows the state, counts the openings.
    """

    def __init__(
        self,
        service: str,
        *,
        probe_seconds: float,
        rules: BreakerRules = SERVICE_RULES,
        monotonic: Callable[[], float] = time.monotonic,
        metrics: Metrics | None = None,
    ) -> None:
        self._service = service
        self._probe_ms = round(probe_seconds * 1000)
        self._rules = rules
        self._monotonic = monotonic
        self._metrics = metrics
        self._state = BreakerState()
        self._probes = 0
        if metrics is not None:
            metrics.breaker_state.labels(service).set_function(lambda: self.phase)

    @property
    def phase(self) -> Phase:
        """What it does with a call now."""
        return phase_of(self._state, self._now())

    @property
    def wait_seconds(self) -> float:
        """Until the next probe may be made; 0 when it may, and while closed."""
        return wait_of(self._state, self._now()) / 1000

    def permit(self) -> Permit | None:
        """Leave for a call, if one may be made now."""
        if not self._state.open_until:
            return Permit(self._state.epoch)
        token = str(self._probes + 1)
        self._state = with_probe(self._state, token, self._now(), self._probe_ms)
        if self._state.probe != token:
            return None
        self._probes += 1
        return Permit(self._state.epoch, token)

    def succeeded(self, permit: Permit) -> None:
        """The call was answered."""
        self._hold(*after_success(self._state, permit, self._now(), self._rules))

    def failed(self, permit: Permit) -> None:
        """The call was not answered, or with the service's own failure."""
        self._hold(*after_failure(self._state, permit, self._now(), self._rules))

    def unused(self, permit: Permit) -> None:
        """The call was given up before anything was known; another may probe in its place."""
        self._state = without_probe(self._state, permit.probe)

    def _hold(self, state: BreakerState, change: Change) -> None:
        self._state = state
        if change is Change.CLOSED:
            _log.info("service_breaker.closed", service=self._service)
        elif change is Change.OPENED:
            if self._metrics is not None:
                self._metrics.breaker_opens.labels(self._service).inc()
            _log.warning(
                "service_breaker.opened",
                service=self._service,
                open_seconds=self._rules.open_seconds,
            )

    def _now(self) -> int:
        return int(self._monotonic() * 1000)
