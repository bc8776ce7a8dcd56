"""A backfill: a message for a manifest becomes a message for each file, which is read in batches.

There is one queue. A message names a manifest, or one of its files:

    {"manifest": "s3://bucket/key/manifest.json"}
    {"manifest": "s3://bucket/key/manifest.json", "file": {"bucket": "...", "key": "..."}}

It has `"rules_since": "<time>"` when an operator knows since when the current rules have applied.

The progress of a file is written after every batch of rows, together with the counts of these rows.
A message that comes again continues there. A crash repeats at most one batch, and writing the same
facts again changes nothing. Before the function's time is over, it sends the same message again.
"""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Protocol

from backfill.row_claims import RowClaims
from backfill.rows import BatchResult, Reader, Rows
from replication.errors import Denied, NotYet, Reason, Rejected, Unavailable
from replication.head.port import Objects
from replication.ledger.port import Ledger
from replication.ledger.watermark import why_missing
from replication.published.backfill import (
    MOST_NAMED,
    FileProgress,
    Outcome,
    Progress,
    Request,
    RunProgress,
    RunState,
)
from replication.s3.deliveries import DataFile, Delivery, location_of, run_of
from replication.s3.evidence import Evidence
from replication.s3.rule_histories import RuleHistories
from replication.s3.rule_history import RuleHistory, require_tracked
from replication.times import Instant, plus

log = logging.getLogger(__name__)

BATCH_ROWS = 2_000
RESERVE_SECONDS = 45.0
"""No batch is begun with less time left. A batch takes a second or two, and about ten when every
item has to be read first."""


class Files(Protocol):
    """Reads a delivery. Rejected: no retry helps. Unavailable: a retry may."""

    def manifest(self, bucket: str, key: str) -> bytes: ...

    def verified(self, file: DataFile) -> str:
        """The ETag of the object, after its MD5 was compared with the manifest's."""
        ...

    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]: ...


class Queue(Protocol):
    """The backfill queue."""

    def send(self, bodies: Sequence[str]) -> None: ...


class ProgressTable(Protocol):
    """Keeps how far runs and files are."""

    def load(self, run: str) -> Progress | None: ...

    def file(self, run: str, bucket: str, key: str) -> FileProgress | None: ...

    def save_run(self, run: RunProgress, now: Instant) -> None:
        """Keeps the time of the first start."""
        ...

    def save_file(self, run: str, file: FileProgress, now: Instant) -> None:
        """Does nothing when the file is finished."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """Works off the messages of the backfill queue.

    files               where manifests and data files are read from
    queue               the backfill queue itself
    progress            how far each run and file is
    ledger, objects     where facts are written, and S3, which is read for what rows leave open
    histories           the rules of the tracked source buckets
    delivery_of         a manifest's bytes as a delivery
    reader              a function that reads the rows of a delivery
    source_buckets, destination_buckets     the tracked buckets
    now                 the wall clock
    record_ineligible   whether versions that no rule takes are recorded
    batch_rows          rows of one write
    note                keeps a refusal of S3 for the operator
    note_listed         keeps when everything a bucket held before was listed
    report_read         tells that a report of Batch Operations was read, or given up, by its URI
    """

    files: Files
    queue: Queue
    progress: ProgressTable
    ledger: Ledger
    objects: Objects
    histories: RuleHistories
    delivery_of: Callable[[bytes], Delivery]
    reader: Callable[[Delivery], Reader]
    source_buckets: frozenset[str]
    destination_buckets: frozenset[str] = frozenset()
    now: Callable[[], Instant]
    record_ineligible: bool = False
    batch_rows: int = BATCH_ROWS
    note: Callable[[Denied], None] = lambda _: None
    note_listed: Callable[[str, Instant], None] = lambda *_: None
    report_read: Callable[[str], None] = lambda _: None

    def handle(self, body: str, seconds_left: Callable[[], float]) -> Counter[str]:
        """Works off a message; returns the rows read now by `Outcome`. NotYet when the message has
        to come again, Rejected when it is no message of the backfill. A delivery that cannot be
        used raises nothing: the run's progress says so."""
        request = Request.parse(body)
        run = RunProgress(run_of(request.manifest), request.manifest)
        try:
            delivery = self._delivery(request.manifest)
            if request.file is None:
                self._start(request, run, delivery)
                return Counter()
            return self._file(request, run.id, delivery, seconds_left)
        except Rejected as error:
            log.error("%s is of no use: %s", request.manifest, error)
            self._keep_error(request, run, error=str(error))
            self.report_read(request.manifest)
            return Counter(rejected=1)
        except NotYet as error:
            self._keep_error(request, run, trouble=str(error))
            raise

    def _delivery(self, uri: str) -> Delivery:
        delivery = self.delivery_of(self.files.manifest(*location_of(uri)))
        if delivery.at > plus(self.now(), 86_400):
            raise Rejected(Reason.ABSURD_TIME, f"the manifest is of {delivery.at}, in the future")
        if delivery.bucket is not None:
            self._require_tracked(delivery.bucket)
        return delivery

    def _require_tracked(self, bucket: str) -> Mapping[str, RuleHistory]:
        """The rules of all buckets; Rejected when this one is not tracked."""
        histories = self.histories.histories()
        require_tracked(bucket, self.source_buckets | self.destination_buckets, histories)
        return histories

    def _start(self, request: Request, run: RunProgress, delivery: Delivery) -> None:
        """Sends a message for every unfinished file; a file with an error starts again."""
        now = self.now()
        self.progress.save_run(replace(run, files=len(delivery.files)), now)
        known = self.progress.load(run.id)
        begun = {(one.bucket, one.key): one for one in known.files} if known else {}
        bodies = []
        for file in delivery.files:
            before = begun.get((file.bucket, file.key))
            if before and before.finished_at:
                continue
            if before is None or before.error:
                self.progress.save_file(run.id, FileProgress(file.bucket, file.key), now)
            bodies.append(replace(request, file=(file.bucket, file.key)).body)
        self.queue.send(bodies)

    def _file(
        self, request: Request, run: str, delivery: Delivery, seconds_left: Callable[[], float]
    ) -> Counter[str]:
        """Continues a file where its progress is, with at least one batch."""
        file = _named(delivery, request.file)
        progress = self._begun(run, file)
        total: Counter[str] = Counter()
        if progress.finished_at:
            self._finish(request, run, delivery)  # a crash may have prevented it
        if progress.finished_at or progress.etag is None:
            return total
        rows = Rows(
            read=self.reader(delivery),
            row_claims=partial(self._row_claims, request, run, delivery),
            ledger=self.ledger,
            objects=self.objects,
            histories=self.histories.histories(),
            now=self.now,
            note=self.note,
            note_destination=self.histories.note_destination,
        )
        start = progress.rows
        with closing(self.files.lines(file, progress.etag)) as stored:
            lines = islice(stored, start, None)
            while batch := list(islice(lines, self.batch_rows)):
                if progress.rows > start and seconds_left() < RESERVE_SECONDS:
                    self.queue.send([request.body])
                    return total
                written = rows.write(batch, progress.rows)
                progress = _after(progress, len(batch), written, self.now())
                self.progress.save_file(run, progress, self.now())
                total.update(written.counts)
        finished = self.now()
        self.progress.save_file(run, replace(progress, finished_at=finished), finished)
        self._finish(request, run, delivery)
        return total

    def _finish(self, request: Request, run: str, delivery: Delivery) -> None:
        """When an inventory made after tracking began, and after events were missing, is read
        without the loss of a row, everything the bucket held before is listed. The manifest does
        not say whether a prefix limits it."""
        if delivery.evidence is Evidence.BATCH_REPORT:
            self.report_read(request.manifest)
            return
        history = self.histories.histories().get(delivery.bucket or "")
        if delivery.evidence is not Evidence.INVENTORY or history is None:
            return
        since = max(history.tracking_since, history.missed_until or history.tracking_since)
        if delivery.at < since or why_missing(history) is None:
            return
        known = self.progress.load(run)
        if known is None or known.state is not RunState.FINISHED:
            return
        lost = known.counts[Outcome.BROKEN] + known.counts[Outcome.REFUSED]
        if not lost:
            self.note_listed(history.bucket, delivery.at)

    def _begun(self, run: str, file: DataFile) -> FileProgress:
        """The progress of a file, after its MD5 was compared unless it is finished."""
        now = self.now()
        progress = self.progress.file(run, file.bucket, file.key)
        if progress is None:
            progress = FileProgress(file.bucket, file.key)
        if progress.finished_at:
            return progress
        started_at = progress.started_at or now
        progress = replace(progress, started_at=started_at, trouble=None, error=None)
        if progress.etag is None:
            progress = replace(progress, etag=self.files.verified(file))
            self.progress.save_file(run, progress, now)
        return progress

    def _keep_error(self, request: Request, run: RunProgress, **values: str) -> None:
        """Writes the error into the progress, if that is possible."""
        now = self.now()
        try:
            if request.file is None:
                self.progress.save_run(replace(run, **values), now)  # type: ignore[arg-type]
                return
            bucket, key = request.file
            before = self.progress.file(run.id, bucket, key) or FileProgress(bucket, key)
            after = replace(before, updated_at=now, **values)  # type: ignore[arg-type]
            self.progress.save_file(run.id, after, now)
        except Unavailable as error:
            log.warning("progress of %s could not be noted: %s", request.manifest, error)

    def _row_claims(self, request: Request, run: str, delivery: Delivery, bucket: str) -> RowClaims:
        """Rejected when the bucket is not tracked, Unavailable while the rules are unknown that
        replicate from it or to it."""
        histories = self._require_tracked(bucket)
        is_source = bucket in self.source_buckets
        is_destination = bucket in self.destination_buckets or any(
            bucket in history.destinations for history in histories.values()
        )
        for name in self.source_buckets if is_destination else (bucket,):
            if name not in histories:
                reason = self.histories.unknown().get(name, "not read yet")
                raise Unavailable(
                    f"the replication configuration of {name} could not be read ({reason}); allow"
                    " s3:GetReplicationConfiguration"
                )
        history = histories[bucket] if is_source else None
        if history and request.rules_since:
            history = history.held_since(request.rules_since)
        return RowClaims(
            delivery,
            run,
            history,
            is_destination=is_destination,
            record_ineligible=self.record_ineligible,
        )


def _after(progress: FileProgress, rows: int, written: BatchResult, now: Instant) -> FileProgress:
    return replace(
        progress,
        rows=progress.rows + rows,
        counts=dict(Counter(progress.counts) + written.counts),
        broken=(*progress.broken, *written.broken)[:MOST_NAMED],
        updated_at=now,
    )


def _named(delivery: Delivery, wanted: tuple[str, str] | None) -> DataFile:
    for file in delivery.files:
        if (file.bucket, file.key) == wanted:
            return file
    raise Rejected(Reason.NO_SUCH_FILE, "the manifest does not name this file any more")
