"""Lets the relay work off jobs over dead letters: at full speed while there are some."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.rounds import Rounds, Sleep
from api_gateway.domain.dead_letter import DeadLetterJob
from servicekit.logs import get_logger
from servicekit.metrics import Metrics

_log = get_logger(__name__)

_IDLE_SECONDS: Final = 1.0


class DeadLetterJobRunner(Rounds):
    """Runs `WorkOnDeadLetterJob` again and again.

    Args:
        work_on_dead_letter_job: Takes one job a step further.
        metrics: Counts the steps.
        sleep: Waits, in seconds, before looking again.
    """

    def __init__(
        self,
        work_on_dead_letter_job: Callable[[], Awaitable[DeadLetterJob | None]],
        metrics: Metrics,
        *,
        sleep: Sleep = asyncio.sleep,
    ) -> None:
        super().__init__(
            "dead-letter-jobs",
            failure="dead_letter_job.not_worked_on",
            seconds=_IDLE_SECONDS,
            sleep=sleep,
        )
        self._work_on_dead_letter_job = work_on_dead_letter_job
        self._steps = Counter(
            "dead_letter_job_steps_total",
            "Steps of jobs over dead letters that this relay did.",
            registry=metrics.registry,
        )

    async def _work(self) -> bool:
        job = await self._work_on_dead_letter_job()
        if job is None:
            return False
        self._steps.inc()
        _log.info(
            "dead_letter_job.worked_on",
            job_id=str(job.id),
            state=job.state.value,
            done=job.done,
            skipped=job.skipped,
            total=job.total,
        )
        return True
