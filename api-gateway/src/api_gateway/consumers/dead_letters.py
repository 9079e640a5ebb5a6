"""`failed.queue`: has everything in it kept as dead letters, a batch at a time.

A message is acknowledged after it was kept, and nothing is ever rejected: behind this queue there
is no other. Where the queue itself is missing, the subscriber waits until it is back; meanwhile the
broker keeps dead letters in the queues that they come from, and workers cannot publish theirs.
"""

from typing import Final

from prometheus_client import Counter

from api_gateway.consumers.batches import Batch, Batches
from api_gateway.domain.failed_message import FailedMessage
from api_gateway.usecases.keep_dead_letters import KeepDeadLetters
from contracts.names import FAILED_QUEUE
from servicekit.metrics import Metrics
from servicekit.subscriber import acknowledge

BATCH: Final = 100
PREFETCH: Final = 200


class DeadLetterConsumer:
    """Feeds `KeepDeadLetters` from the queue.

    Args:
        amqp_url: `amqp://…`.
        keep_dead_letters: Keeps one batch.
        metrics: Counts what was kept.
    """

    def __init__(self, amqp_url: str, keep_dead_letters: KeepDeadLetters, metrics: Metrics) -> None:
        self._keep_dead_letters = keep_dead_letters
        self._kept = Counter(
            "dead_letters_kept_total",
            "Messages of failed.queue that were kept as dead letters, copies included.",
            registry=metrics.registry,
        )
        self._batches = Batches(
            amqp_url,
            connection="relay-dead-letters",
            queue=FAILED_QUEUE,
            prefetch=PREFETCH,
            size=BATCH,
            handle=self._handle,
        )

    def start(self) -> None:
        """Begin to consume."""
        self._batches.start()

    async def stop(self) -> None:
        """Stop; what was not kept is consumed again by the next relay."""
        await self._batches.stop()

    async def check(self) -> None:
        """Raise when no dead letters can come, or when they cannot be kept."""
        await self._batches.check()
        if self._keep_dead_letters.trouble is not None:
            raise RuntimeError(self._keep_dead_letters.trouble)

    async def _handle(self, batch: Batch) -> None:
        messages = [FailedMessage(message.body, message.headers) for message in batch]
        kept = await self._keep_dead_letters(messages)
        for message, is_kept in zip(batch, kept, strict=True):
            # What even PostgreSQL refuses as bytes stays with us, and comes again after a restart.
            if is_kept:
                await acknowledge(message)
        self._kept.inc(sum(kept))
