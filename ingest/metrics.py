"""What the service counts of itself, for Prometheus. One registry an app, so that tests may have many."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

LATENCY_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Metrics:
    """Counters of doors, events and readers. Labels hold words of the product only, never ids of people."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        # Looking a labelled child up takes a lock and a tuple each time, and the claims door does it for every claim.
        self._children: dict[tuple[str, str], tuple[Counter, Histogram]] = {}
        self._requests = Counter(
            "sellthrough_requests", "Requests by door and outcome.", ["door", "outcome"], registry=self.registry
        )
        self._latency = Histogram(
            "sellthrough_request_seconds",
            "Time from a request's first byte to its answer.",
            ["door"],
            buckets=LATENCY_BUCKETS_S,
            registry=self.registry,
        )
        self._events = Counter(
            "sellthrough_events", "Live events booked.", ["platform", "kind"], registry=self.registry
        )
        self._duplicates = Counter(
            "sellthrough_duplicates", "Live events that came again and were dropped.", registry=self.registry
        )
        self._problems = Counter(
            "sellthrough_intake_problems",
            "Facts and orders that could not be booked.",
            ["kind"],
            registry=self.registry,
        )
        self._links = Counter(
            "sellthrough_link_reports",
            "What outgoing connections reported.",
            ["connection_id", "state"],
            registry=self.registry,
        )
        self._log_lag = Gauge(
            "sellthrough_ledger_lag_ms", "How far the ledger is behind the log.", ["sale_id"], registry=self.registry
        )
        self._batching = Gauge(
            "sellthrough_batching",
            "Batches and operations sent to the store, shed, and waiting now, over all sales.",
            ["what"],
            registry=self.registry,
        )
        self._intake_open = Gauge("sellthrough_intake_open", "1 while anything may come in.", registry=self.registry)

    def request(self, door: str, outcome: str, seconds: float) -> None:
        """Count one answered request."""
        children = self._children.get((door, outcome))
        if children is None:
            children = self._requests.labels(door, outcome), self._latency.labels(door)
            self._children[door, outcome] = children
        children[0].inc()
        children[1].observe(seconds)

    def event(self, platform: str, kind: str) -> None:
        """Count one booked event."""
        self._events.labels(platform, kind).inc()

    def duplicates(self, count: int) -> None:
        """Count events that came again."""
        if count:
            self._duplicates.inc(count)

    def problem(self, kind: str) -> None:
        """Count one intake problem."""
        self._problems.labels(kind).inc()

    def link(self, connection_id: str, state: str) -> None:
        """Count a report of an outgoing connection."""
        self._links.labels(connection_id, state).inc()

    def ledger_lag(self, sale_id: str, lag_ms: int) -> None:
        """Note how far the ledger is behind a sale's log."""
        self._log_lag.labels(sale_id).set(lag_ms)

    def batching(self, *, batches: int, operations: int, shed: int, waiting: int) -> None:
        """Note what the engine's batchers have done since the start, and what waits in them now."""
        for what, value in (("batches", batches), ("operations", operations), ("shed", shed), ("waiting", waiting)):
            self._batching.labels(what).set(value)

    def intake_open(self, is_open: bool) -> None:
        """Note whether anything may come in."""
        self._intake_open.set(1 if is_open else 0)

    def exposition(self) -> bytes:
        """Return all of it in Prometheus's text format."""
        return generate_latest(self.registry)
