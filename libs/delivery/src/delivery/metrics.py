"""What a worker counts."""

from prometheus_client import Counter, Gauge, Histogram

from contracts.outcome import DeliveryOutcome
from servicekit.metrics import LATENCY_BUCKETS, Metrics


class DeliveryMetrics:
    """Figures of one channel's worker, in the process's registry."""

    def __init__(self, metrics: Metrics) -> None:
        self._outcomes = Counter(
            "delivery_outcomes_total",
            "Settled attempts.",
            ("outcome", "provider", "reason"),
            registry=metrics.registry,
        )
        self._latency = Histogram(
            "delivery_attempt_duration_seconds",
            "Rendering and the provider's answer.",
            ("provider",),
            buckets=(*LATENCY_BUCKETS, 30.0, 60.0),
            registry=metrics.registry,
        )
        self.in_flight = Gauge(
            "deliveries_in_flight", "Messages being worked on.", registry=metrics.registry
        )
        self.publish_failures = Counter(
            "delivery_publish_failures_total",
            "Publishes that the broker did not confirm; each was repeated.",
            registry=metrics.registry,
        )

    def settled(self, outcome: DeliveryOutcome) -> None:
        """Count one settled attempt."""
        provider = outcome.provider or "none"
        self._outcomes.labels(outcome.kind.value, provider, outcome.reason or "").inc()
        if outcome.latency_ms is not None:
            self._latency.labels(provider).observe(outcome.latency_ms / 1000)
