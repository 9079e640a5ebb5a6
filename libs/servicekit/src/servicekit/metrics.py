"""Prometheus metrics of one process: its own registry and the HTTP figures of every service."""

from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector
from starlette.responses import Response

LATENCY_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds."""

METRICS_ANSWER: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The exposition format of Prometheus.",
        "content": {"text/plain": {"example": "# TYPE http_requests_total counter\n"}},
    }
}


class Metrics:
    """The registry of a process and what every service counts."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)
        self.requests = Counter(
            "http_requests_total",
            "Answered requests.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.latency = Histogram(
            "http_request_duration_seconds",
            "Time from the request's head to the last byte of the answer.",
            ("method", "route"),
            buckets=LATENCY_BUCKETS,
            registry=self.registry,
        )
        self.breaker_state = Gauge(
            "service_breaker_state",
            "The breaker of one of our services: 0 closed, 1 half-open (being probed), 2 open.",
            ("service",),
            registry=self.registry,
        )
        self.breaker_opens = Counter(
            "service_breaker_opens_total",
            "Times that a service failed so often in a row that its breaker opened.",
            ("service",),
            registry=self.registry,
        )
        self.cache_reads = Counter(
            "cache_reads_total",
            "Copies of what other services own that were looked for in Redis.",
            ("kind", "result"),  # fresh, stale, absent
            registry=self.registry,
        )
        self.stale_copies = Counter(
            "cache_stale_copies_used_total",
            "Stale copies that served, because their owner was away.",
            ("kind",),
            registry=self.registry,
        )

    def render(self) -> Response:
        """The exposition format, as `/metrics` answers it."""
        return Response(generate_latest(self.registry), media_type=CONTENT_TYPE_LATEST)
