"""What the schedules do: metrics of every route, incidents that time resolves, and recounts."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from replication.counters.counter import FailureKind, Totals
from replication.counters.silence import Periods, silent_routes
from replication.errors import Denied
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import watermark
from replication.s3 import bucket_setup
from replication.s3.bucket_setup import Setups, Severity
from replication.s3.event_paths import is_deaf_to
from replication.s3.rule_history import RuleHistory
from replication.times import Instant
from replication.topology import Topology
from summarize import metrics
from summarize.incident_life import KindDigest
from summarize.metrics import Dimensions, Document, Value
from summarize.recount import Recount, Recounted
from summarize.summarizer import Summarizer


class Oldest(Protocol):
    """Reads the oldest versions that a destination lacks."""

    def oldest(self, bucket: str, destination: str) -> list[LedgerItem]: ...


class KnownFindings(Protocol):
    """Reads what the inspection of buckets and denied reads left."""

    def load(self) -> Sequence[tuple[Denied, Instant]]: ...

    def setups(self) -> Setups: ...


class CurrentCounters(Periods, Protocol):
    """Reads counters."""

    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]: ...

    def failure_kinds(
        self, bucket: str, destination: str
    ) -> Mapping[FailureKind, Counter[str]]: ...


@dataclass(frozen=True, slots=True)
class Schedules:
    """The work of the schedules.

    histories       the rules of every source bucket; None where they were never read
    outstanding     reads the oldest versions that a destination lacks
    current         reads counters
    summarizer      updates incidents
    recount_route   recounts a route
    now             the wall clock
    frontier        when everything sent to the ingest queue before is in the ledger
    findings        what keeps the tracker from knowing
    topology        the tracked buckets, and where they are
    noticed_seconds how far behind a route may seem only because no event reports its arrivals
    """

    histories: Callable[[], Mapping[str, RuleHistory | None]]
    outstanding: Oldest
    current: CurrentCounters
    summarizer: Summarizer
    recount_route: Recount
    now: Callable[[], Instant]
    frontier: Callable[[], Instant | None]
    findings: KnownFindings
    topology: Topology
    noticed_seconds: float

    def routes(self) -> Iterator[tuple[str, str]]:
        """Every source bucket with each of its destinations."""
        for bucket, history in sorted(self.histories().items()):
            for destination in history.destinations if history else ():
                yield bucket, destination

    def measure(self) -> tuple[list[Document], float]:
        """Metrics of every route, and the greatest lag of a watermark in seconds. Where no event
        reports arrivals, a short lag may only mean that HEAD has not shown them yet, and is left
        out of the greatest."""
        documents, greatest = [], 0.0
        setups = self.findings.setups()
        histories, now = self.histories(), self.now()
        frontier = self.frontier()
        totals = {bucket: self.current.totals(bucket) for bucket in histories}
        for bucket, destination in self.routes():
            oldest = self.outstanding.oldest(bucket, destination)
            found = watermark(bucket, histories[bucket], oldest, now, frontier)
            lag = found.lag_seconds(now)
            deaf = is_deaf_to(destination, self.topology, setups)
            if not deaf or lag >= self.noticed_seconds:
                greatest = max(greatest, lag)
            current: Counter[str] = Counter()
            for view, amounts in totals[bucket].items():
                if view.destination == destination:
                    current.update(amounts)
            route = metrics.route(bucket, destination)
            documents.append(_document(route, current, lag, now))
        return documents, greatest

    def errors(self) -> int:
        """How many of the doctor's findings are errors: something cannot be known."""
        tracked = {*self.topology.destinations, *self.histories()}
        routes = (route for route in self.routes() if route[1] in tracked)
        found = bucket_setup.findings(
            self.histories(),
            self.topology,
            self.findings.load(),
            self.findings.setups(),
            silent_routes(self.current, routes, self.now(), self.frontier()),
        )
        return sum(one.severity is Severity.ERROR for one in found)

    def settle(self) -> None:
        """Updates every open incident."""
        for bucket, destination in self.routes():
            for incident in self.summarizer.open_incidents.open_of(bucket, destination):
                self.summarizer.settle(incident.kind, KindDigest())

    def _settle_failing(self, bucket: str, destination: str) -> None:
        """Opens incidents of failures that only a recount found."""
        for kind, amounts in self.current.failure_kinds(bucket, destination).items():
            if amounts["failing"]:
                self.summarizer.settle(kind, KindDigest())

    def recount(self, seconds_left: Callable[[], float]) -> list[Recounted]:
        """Recounts route after route while there is time for another."""
        found: list[Recounted] = []
        longest, began = 0.0, seconds_left()
        for bucket, destination in self.routes():
            if seconds_left() < 2 * longest:
                break
            found.append(self.recount_route(bucket, destination))
            self._settle_failing(bucket, destination)
            longest, began = max(longest, began - seconds_left()), seconds_left()
        return found


def _document(route: Dimensions, current: Counter[str], lag: float, now: Instant) -> Document:
    units = {
        "WatermarkLagSeconds": "Seconds",
        "PendingVersions": "Count",
        "FailedVersions": "Count",
        "PendingBytes": "Bytes",
    }
    values: dict[str, Value] = {
        "WatermarkLagSeconds": lag,
        "PendingVersions": current["PENDING"],
        "FailedVersions": current["FAILED"],
        "PendingBytes": current["PENDING_bytes"],
    }
    return metrics.document(route, units, values, now)
