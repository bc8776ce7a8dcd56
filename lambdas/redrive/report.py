"""What the completion report of a job says in sum: its tasks by result and code."""

from collections.abc import Callable
from dataclasses import dataclass

from redrive.port import Reports
from replication.errors import Rejected
from replication.published.redrive import Named, Share, shares_of
from replication.s3.deliveries import Delivery, Row, Task


@dataclass(frozen=True, slots=True)
class Summary:
    """`failures` by code, with the first versions of each."""

    succeeded: int
    failures: tuple[Share, ...]

    @property
    def failed(self) -> int:
        return sum(one.count for one in self.failures)


@dataclass(frozen=True, slots=True)
class ReportReader:
    """Reads reports row by row; the ledger gets the rows from the backfill."""

    reports: Reports
    delivery_of: Callable[[bytes], Delivery]
    reader: Callable[[Delivery], Callable[[bytes], Row]]

    def summary(self, bucket: str, key: str) -> Summary | None:
        """None: there is no report yet. Rejected when it is damaged."""
        try:
            body = self.reports.manifest(bucket, key)
        except Rejected:
            return None
        delivery = self.delivery_of(body)
        read = self.reader(delivery)
        succeeded, failures = 0, dict[str, Share]()
        for file in delivery.files:
            for line in self.reports.lines(file, self.reports.verified(file)):
                if not line.strip():
                    continue
                try:
                    row = read(line)
                except Rejected:
                    continue  # the backfill counts and names it
                if not isinstance(row, Task):
                    continue
                if row.succeeded:
                    succeeded += 1
                    continue
                code, version = row.code or "", row.version
                named = Named(version.bucket, version.key, version.version_id)
                failures[code] = failures.get(code, Share(code, 0)).plus(named)
        return Summary(succeeded, shares_of(failures))
