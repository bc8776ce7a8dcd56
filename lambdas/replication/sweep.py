"""What is done by the clock and not by the stream: how far behind every route is, incidents that
nothing woke up, and a recount."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from replication import measures
from replication.adapters.items import Stored
from replication.configuration import History
from replication.contributions import Totals
from replication.incidents import Heard, Incident
from replication.measures import Document, Value
from replication.recount import Recount, Recounted
from replication.summarizer import Summarizer
from replication.times import Instant
from replication.watermark import watermark


class Oldest(Protocol):
    def oldest(self, bucket: str, destination: str) -> list[Stored]: ...


class Standing(Protocol):
    def totals(self, bucket: str) -> Mapping[Totals, Counter[str]]: ...


class OpenIncidents(Protocol):
    def open_of(self, bucket: str, destination: str) -> list[Incident]: ...


@dataclass(frozen=True, slots=True)
class Sweep:
    """`histories` are the rules of every source bucket, None where they were never read."""

    histories: Callable[[], Mapping[str, History | None]]
    outstanding: Oldest
    standing: Standing
    incidents: OpenIncidents
    summarizer: Summarizer
    recounting: Recount
    now: Callable[[], Instant]

    def routes(self) -> Iterator[tuple[str, str]]:
        """Source bucket and destination."""
        for bucket, history in sorted(self.histories().items()):
            for destination in history.destinations if history else ():
                yield bucket, destination

    def measure(self) -> tuple[list[Document], float]:
        """Metrics of every route, and by how many seconds the one furthest behind is."""
        documents, lags = [], [0.0]
        histories, now = self.histories(), self.now()
        for bucket, destination in self.routes():
            oldest = self.outstanding.oldest(bucket, destination)
            found = watermark(bucket, histories[bucket], oldest, now)
            lags.append(found.lag_seconds(now))
            documents.append(self._document(bucket, destination, lags[-1], now))
        return documents, max(lags)

    def settle(self) -> None:
        """Looks at every open incident once more: what a recount put right woke up nobody."""
        for bucket, destination in self.routes():
            for incident in self.incidents.open_of(bucket, destination):
                self.summarizer.settle(incident.trouble, Heard())

    def recount(self, seconds_left: Callable[[], float]) -> list[Recounted]:
        """Recounts route after route while there is time for another."""
        found: list[Recounted] = []
        longest, began = 0.0, seconds_left()
        for bucket, destination in self.routes():
            if seconds_left() < 2 * longest:
                break
            found.append(self.recounting(bucket, destination))
            longest, began = max(longest, began - seconds_left()), seconds_left()
        return found

    def _document(self, bucket: str, destination: str, lag: float, now: Instant) -> Document:
        total: Counter[str] = Counter()
        for view, amounts in self.standing.totals(bucket).items():
            if view.destination == destination:
                total.update(amounts)
        values: dict[str, Value] = {
            "WatermarkLagSeconds": lag,
            "PendingVersions": total["PENDING"],
            "FailedVersions": total["FAILED"],
            "PendingBytes": total["PENDING_bytes"],
        }
        units = {
            "WatermarkLagSeconds": "Seconds",
            "PendingVersions": "Count",
            "FailedVersions": "Count",
            "PendingBytes": "Bytes",
        }
        return measures.document(measures.route(bucket, destination), units, values, now)
