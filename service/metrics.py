"""Prometheus metrics. Labels are few and bounded: strategy, endpoint, status, direction; never a run or a user."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_RUN_SECONDS = (0.01, 0.05, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800)
_CALL_SECONDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_FAST_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)


class Metrics:
    """The metrics of one application, in a registry of its own so that several can live in one process (tests do so)."""

    def __init__(self) -> None:
        r = self.registry = CollectorRegistry()
        self.runs = Counter("eudoxus_runs", "Runs that ended", ["strategy", "status"], registry=r)
        self.runs_in_progress = Gauge("eudoxus_runs_in_progress", "Runs being worked on", registry=r)
        self.run_seconds = Histogram(
            "eudoxus_run_duration_seconds", "From start to end of a run", ["strategy"], buckets=_RUN_SECONDS, registry=r
        )
        self.calls = Counter("eudoxus_calls", "Model calls that ended", ["endpoint", "outcome"], registry=r)
        self.call_seconds = Histogram(
            "eudoxus_call_duration_seconds", "Model calls, retries included", ["endpoint"], buckets=_CALL_SECONDS, registry=r
        )
        self.call_retries = Counter("eudoxus_call_retries", "Physical requests repeated", ["endpoint"], registry=r)
        self.tokens = Counter("eudoxus_tokens", "Tokens sent and received", ["endpoint", "direction"], registry=r)
        self.cost = Counter("eudoxus_cost_usd", "US dollars spent, where the price is known", ["endpoint"], registry=r)
        self.queue_depth = Gauge("eudoxus_queue_depth", "Runs waiting for a slot", registry=r)
        self.sse_clients = Gauge("eudoxus_sse_clients", "Clients watching event streams", registry=r)
        self.http_requests = Counter("eudoxus_http_requests", "HTTP requests answered", ["route", "method", "status"], registry=r)
        self.http_seconds = Histogram(
            "eudoxus_http_request_duration_seconds",
            "HTTP requests until the end of the response",
            ["route"],
            buckets=_RUN_SECONDS,
            registry=r,
        )
        self.http_in_flight = Gauge("eudoxus_http_in_flight", "HTTP requests being answered", registry=r)
        self.overhead = Histogram(
            "eudoxus_http_overhead_seconds", "Time of a chat request not spent waiting for models", buckets=_FAST_SECONDS, registry=r
        )
        self.loop_lag = Gauge("eudoxus_loop_lag_seconds", "Delay of a timer on the event loop", registry=r)

        self._answered: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def answered(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one HTTP response."""
        found = self._answered.get((route, method, status))
        if found is None:
            found = self.http_requests.labels(route, method, str(status)), self.http_seconds.labels(route)
            self._answered[route, method, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
