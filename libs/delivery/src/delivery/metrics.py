"""What a worker counts."""

from prometheus_client import Counter, Gauge, Histogram

from contracts.outcome import DeliveryOutcome
from servicekit.breaker import Phase
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
        self.stepped_aside = Counter(
            "deliveries_stepped_aside_total",
            "Messages sent round a retry tier because their destination was slow and crowded.",
            registry=metrics.registry,
        )
        self.publish_failures = Counter(
            "delivery_publish_failures_total",
            "Publishes that the broker did not confirm; each was repeated.",
            registry=metrics.registry,
        )

        self._breaker_state = Gauge(
            "delivery_breaker_state",
            "What this process knows of a provider's breaker: 0 closed, 1 half-open, 2 open.",
            ("provider",),
            registry=metrics.registry,
        )
        self._breaker_opens = Counter(
            "delivery_breaker_opens_total",
            "Breakers opened, each counted by the one process whose call opened it.",
            ("provider",),
            registry=metrics.registry,
        )
        self._failovers = Counter(
            "delivery_failovers_total",
            "Deliveries passed on within an attempt, because a provider refused as a whole.",
            ("refused_by", "passed_to"),
            registry=metrics.registry,
        )

    def breaker_is(self, provider: str, phase: Phase) -> None:
        """Show the state of a provider's breaker."""
        self._breaker_state.labels(provider).set(phase)

    def breaker_opened(self, provider: str) -> None:
        """Count that our call was the failure that opened a provider's breaker."""
        self._breaker_opens.labels(provider).inc()

    def failed_over(self, refused_by: str, passed_to: str) -> None:
        """Count a delivery that the next provider is asked to take."""
        self._failovers.labels(refused_by, passed_to).inc()

    def settled(self, outcome: DeliveryOutcome) -> None:
        """Count one settled attempt."""
        provider = outcome.provider or "none"
        self._outcomes.labels(outcome.kind.value, provider, outcome.reason or "").inc()
        if outcome.latency_ms is not None:
            self._latency.labels(provider).observe(outcome.latency_ms / 1000)
