"""Existing objects into the ledger: a manifest fans out into files, a file goes on row by row.

Everything is driven by one queue. A message names a manifest, and later one of its files:

    {"manifest": "s3://bucket/key/manifest.json"}
    {"manifest": "s3://bucket/key/manifest.json", "file": {"bucket": "...", "key": "..."}}

and, when an operator knows since when the rules have been what they are, `"rules_since": "<time>"`.

How far a file is, its progress says and nothing else: it is set after every batch of rows, together
with the counts of exactly those rows, so a message that comes again goes on where the ledger is. A
crash between any two calls repeats at most one batch, and the same facts written again change
nothing. Before the function's time runs out, the same message is sent once more and goes on.
"""

import logging
from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from itertools import islice
from typing import Protocol

from backfill.row_claims import RowClaims
from backfill.rows import BatchResult, Reader, Rows
from replication.errors import Denied, NotYet, Reason, Rejected, Unavailable
from replication.head.port import Objects
from replication.ledger.port import Ledger
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
"""No batch is begun with less time left. One of 2,000 rows takes a second or two; written the slow
way, row by row, about ten."""


class Files(Protocol):
    """What a delivery is read from. Rejected: no retry helps. Unavailable: later, perhaps."""

    def manifest(self, bucket: str, key: str) -> bytes: ...

    def verified(self, file: DataFile) -> str:
        """The ETag of the object, whose MD5 is the manifest's."""
        ...

    def lines(self, file: DataFile, etag: str) -> Generator[bytes, None, None]: ...


class Queue(Protocol):
    def send(self, bodies: Sequence[str]) -> None: ...


class ProgressTable(Protocol):
    def load(self, run: str) -> Progress | None: ...

    def file(self, run: str, bucket: str, key: str) -> FileProgress | None: ...

    def save_run(self, run: RunProgress, now: Instant) -> None:
        """Keeps the time of the first start."""
        ...

    def save_file(self, run: str, file: FileProgress, now: Instant) -> None:
        """Does nothing to a file that is finished."""
        ...


class Backfill:
    """Everything it needs is handed in; `now` is the wall clock."""

    def __init__(
        self,
        *,
        files: Files,
        queue: Queue,
        progress: ProgressTable,
        ledger: Ledger,
        objects: Objects,
        histories: RuleHistories,
        delivery_of: Callable[[bytes], Delivery],
        reader: Callable[[Delivery], Reader],
        source_buckets: frozenset[str],
        destination_buckets: frozenset[str] = frozenset(),
        now: Callable[[], Instant],
        record_ineligible: bool = False,
        batch_rows: int = BATCH_ROWS,
        note: Callable[[Denied], None] = lambda _: None,
        note_listed: Callable[[str, Instant], None] = lambda *_: None,
    ) -> None:
        self._files = files
        self._queue = queue
        self._progress = progress
        self._ledger = ledger
        self._objects = objects
        self._histories = histories
        self._delivery_of = delivery_of
        self._reader = reader
        self._source_buckets = source_buckets
        self._destination_buckets = destination_buckets
        self._now = now
        self._record_ineligible = record_ineligible
        self._batch_rows = batch_rows
        self._note_denied, self._note_listed = note, note_listed

    def handle(self, body: str, seconds_left: Callable[[], float]) -> Counter[str]:
        """What became of the rows read now, by name. NotYet when the message has to come again;
        Rejected when it is none of the backfill's. A delivery that is of no use raises nothing:
        the run's progress says so."""
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
            self._note(request, run, error=str(error))
            return Counter(rejected=1)
        except NotYet as error:
            self._note(request, run, trouble=str(error))
            raise

    def _delivery(self, uri: str) -> Delivery:
        delivery = self._delivery_of(self._files.manifest(*location_of(uri)))
        if delivery.at > plus(self._now(), 86_400):
            raise Rejected(Reason.ABSURD_TIME, f"the manifest is of {delivery.at}, in the future")
        if delivery.bucket is not None:
            self._require_tracked(delivery.bucket)
        return delivery

    def _require_tracked(self, bucket: str) -> Mapping[str, RuleHistory]:
        """The rules of all buckets; Rejected when this one is not tracked."""
        histories = self._histories.histories()
        require_tracked(bucket, self._source_buckets | self._destination_buckets, histories)
        return histories

    def _start(self, request: Request, run: RunProgress, delivery: Delivery) -> None:
        """Sends a message for every file that is not finished; one that failed begins anew."""
        now = self._now()
        self._progress.save_run(replace(run, files=len(delivery.files)), now)
        known = self._progress.load(run.id)
        begun = {(one.bucket, one.key): one for one in known.files} if known else {}
        bodies = []
        for file in delivery.files:
            before = begun.get((file.bucket, file.key))
            if before and before.finished_at:
                continue
            if before is None or before.error:
                self._progress.save_file(run.id, FileProgress(file.bucket, file.key), now)
            bodies.append(replace(request, file=(file.bucket, file.key)).body)
        self._queue.send(bodies)

    def _file(
        self, request: Request, run: str, delivery: Delivery, seconds_left: Callable[[], float]
    ) -> Counter[str]:
        """Reads a file on from where its progress is, at least one batch of it."""
        file = _named(delivery, request.file)
        progress = self._begun(run, file)
        total: Counter[str] = Counter()
        if progress.finished_at:
            self._finish(run, delivery)  # a crash may have come between the two
        if progress.finished_at or progress.etag is None:
            return total
        rows = Rows(
            read=self._reader(delivery),
            attribution=partial(self._attribution, request, run, delivery),
            ledger=self._ledger,
            objects=self._objects,
            histories=self._histories.histories(),
            now=self._now,
            note=self._note_denied,
            note_destination=self._histories.note_destination,
        )
        start = progress.rows
        with closing(self._files.lines(file, progress.etag)) as stored:
            lines = islice(stored, start, None)
            while batch := list(islice(lines, self._batch_rows)):
                if progress.rows > start and seconds_left() < RESERVE_SECONDS:
                    self._queue.send([request.body])
                    return total
                written = rows.write(batch, progress.rows)
                progress = _after(progress, len(batch), written, self._now())
                self._progress.save_file(run, progress, self._now())
                total.update(written.counts)
        finished = self._now()
        self._progress.save_file(run, replace(progress, finished_at=finished), finished)
        self._finish(run, delivery)
        return total

    def _finish(self, run: str, delivery: Delivery) -> None:
        """An inventory that was read to its end, taken after tracking began, says all there was
        before, as long as none of its rows was lost. That it leaves out nothing by a prefix its
        manifest does not say."""
        history = self._histories.histories().get(delivery.bucket or "")
        if delivery.evidence is not Evidence.INVENTORY or history is None or history.listed:
            return
        known = self._progress.load(run)
        if known is None or known.state is not RunState.FINISHED:
            return
        lost = known.counts[Outcome.BROKEN] + known.counts[Outcome.REFUSED]
        if not lost and delivery.at >= history.tracking_since:
            self._note_listed(history.bucket, delivery.at)

    def _begun(self, run: str, file: DataFile) -> FileProgress:
        """The progress of a file whose MD5 is right, as long as it is not finished."""
        now = self._now()
        progress = self._progress.file(run, file.bucket, file.key)
        if progress is None:
            progress = FileProgress(file.bucket, file.key)
        if progress.finished_at:
            return progress
        started_at = progress.started_at or now
        progress = replace(progress, started_at=started_at, trouble=None, error=None)
        if progress.etag is None:
            progress = replace(progress, etag=self._files.verified(file))
            self._progress.save_file(run, progress, now)
        return progress

    def _note(self, request: Request, run: RunProgress, **told: str) -> None:
        """Puts into the progress what is wrong. That this fails changes nothing about it."""
        now = self._now()
        try:
            if request.file is None:
                self._progress.save_run(replace(run, **told), now)  # type: ignore[arg-type]
                return
            bucket, key = request.file
            before = self._progress.file(run.id, bucket, key) or FileProgress(bucket, key)
            after = replace(before, updated_at=now, **told)  # type: ignore[arg-type]
            self._progress.save_file(run.id, after, now)
        except Unavailable as error:
            log.warning("progress of %s could not be noted: %s", request.manifest, error)

    def _attribution(
        self, request: Request, run: str, delivery: Delivery, bucket: str
    ) -> RowClaims:
        """Rejected when the bucket is not tracked, Unavailable while rules are unknown that say
        what it is due to, or what may have come to it."""
        histories = self._require_tracked(bucket)
        is_source = bucket in self._source_buckets
        is_destination = bucket in self._destination_buckets or any(
            bucket in history.destinations for history in histories.values()
        )
        for name in self._source_buckets if is_destination else (bucket,):
            if name not in histories:
                reason = self._histories.unknown().get(name, "not read yet")
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
            record_ineligible=self._record_ineligible,
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
