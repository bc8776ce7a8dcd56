"""What is done by the clock and not by the stream: how far behind every route is, incidents that
nothing woke up, and a recount."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from replication import measures
from replication.configuration import History
from replication.contributions import Totals, Trouble
from replication.incidents import Heard
from replication.measures import Dimensions, Document, Value
from replication.recount import Recount, Recounted
from replication.stored import Stored
from replication.summarizer import Summarizer
from replication.times import Instant
from replication.watermark import watermark


class Oldest(Protocol):
    def oldest(self, bucket: str, destination: str) -> list[Stored]: ...


class Standing(Protocol):
    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]: ...

    def troubles(self, bucket: str, destination: str) -> Mapping[Trouble, Counter[str]]: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """`histories` are the rules of every source bucket, None where they were never read.
    `frontier` is how far the ingest queue was heard to its end."""

    histories: Callable[[], Mapping[str, History | None]]
    outstanding: Oldest
    standing: Standing
    summarizer: Summarizer
    recounting: Recount
    now: Callable[[], Instant]
    frontier: Callable[[], Instant | None]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Source bucket and destination."""
        for bucket, history in sorted(self.histories().items()):
            for destination in history.destinations if history else ():
                yield bucket, destination

    def measure(self) -> tuple[list[Document], float]:
        """Metrics of every route, and by how many seconds the one furthest behind is."""
        documents, lags = [], [0.0]
        histories, now = self.histories(), self.now()
        frontier = self.frontier()
        totals = {bucket: self.standing.totals(bucket) for bucket in histories}
        for bucket, destination in self.routes():
            oldest = self.outstanding.oldest(bucket, destination)
            found = watermark(bucket, histories[bucket], oldest, now, frontier)
            lags.append(found.lag_seconds(now))
            standing: Counter[str] = Counter()
            for view, amounts in totals[bucket].items():
                if view.destination == destination:
                    standing.update(amounts)
            route = measures.route(bucket, destination)
            documents.append(_document(route, standing, lags[-1], now))
        return documents, max(lags)

    def settle(self) -> None:
        """Looks at every open incident once more."""
        for bucket, destination in self.routes():
            for incident in self.summarizer.open_incidents.open_of(bucket, destination):
                self.summarizer.settle(incident.trouble, Heard())

    def _settle_failing(self, bucket: str, destination: str) -> None:
        """What a recount put right woke up nobody."""
        for trouble, amounts in self.standing.troubles(bucket, destination).items():
            if amounts["failing"]:
                self.summarizer.settle(trouble, Heard())

    def recount(self, seconds_left: Callable[[], float]) -> list[Recounted]:
        """Recounts route after route while there is time for another."""
        found: list[Recounted] = []
        longest, began = 0.0, seconds_left()
        for bucket, destination in self.routes():
            if seconds_left() < 2 * longest:
                break
            found.append(self.recounting(bucket, destination))
            self._settle_failing(bucket, destination)
            longest, began = max(longest, began - seconds_left()), seconds_left()
        return found


def _document(route: Dimensions, standing: Counter[str], lag: float, now: Instant) -> Document:
    units = {
        "WatermarkLagSeconds": "Seconds",
        "PendingVersions": "Count",
        "FailedVersions": "Count",
        "PendingBytes": "Bytes",
    }
    values: dict[str, Value] = {
        "WatermarkLagSeconds": lag,
        "PendingVersions": standing["PENDING"],
        "FailedVersions": standing["FAILED"],
        "PendingBytes": standing["PENDING_bytes"],
    }
    return measures.document(route, units, values, now)
