"""The message that starts a backfill, and the progress of one: the function stores it, the command
shows it."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from replication.errors import Reason, Rejected
from replication.s3.deliveries import location_of
from replication.times import Instant, parse


class Outcome(StrEnum):
    """What became of a row; the names of a run's counts. The last four count rows that are counted
    by another outcome as well."""

    COMPLETED = "completed"
    PENDING = "pending"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    """It may go to several destinations; each was read with HEAD."""
    NO_RULE = "no_rule"
    """It has a status, and no known rule replicates it. The status is recorded without a
    destination."""
    NO_STATUS = "no_status"
    """Not eligible, or written before the rules. Recorded only if the settings say so."""
    DELETE_MARKER = "delete_marker"
    """Has no status; each destination was read with HEAD, unless the ledger had it."""
    REPLICA = "replica"
    """Its source was found with HEAD, unless the ledger had it."""
    TASK_SUCCEEDED = "task_succeeded"
    TASK_NOT_TRIED = "task_not_tried"
    BROKEN = "broken"
    """The row could not be parsed."""
    REFUSED = "refused"
    """The table cannot hold its item."""
    NOT_LOOKED_AT = "not_looked_at"
    """HEAD was denied, so something of the version is unknown."""
    UNSOURCED = "unsourced"
    """A replica whose source no tracked bucket has; recorded without one."""
    UNDECIDED = "undecided"
    """A version without a status in two buckets, of which neither is known to be the source."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message of the backfill queue."""

    manifest: str
    """`s3://bucket/key`."""
    file: tuple[str, str] | None = None
    """Bucket and key of one data file to read; None: read the manifest and queue its files."""
    rules_since: Instant | None = None
    """The operator states that the first known rules were in force since then."""

    @classmethod
    def parse(cls, body: str) -> "Request":
        """The request in a message body. Rejected when it is none."""
        try:
            message = json.loads(body)
            manifest, file = message["manifest"], message.get("file")
            location_of(manifest)
            since = message.get("rules_since")
            return cls(
                manifest,
                (file["bucket"], file["key"]) if file else None,
                parse(since) if since else None,
            )
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise Rejected(Reason.NOT_A_REQUEST, f"no message of the backfill: {error!r}") from None

    @property
    def body(self) -> str:
        """The message body that `parse` reads."""
        message: dict[str, object] = {"manifest": self.manifest}
        if self.file is not None:
            message["file"] = dict(zip(("bucket", "key"), self.file, strict=True))
        if self.rules_since is not None:
            message["rules_since"] = self.rules_since
        return json.dumps(message)


MOST_NAMED = 10
"""How many broken rows of a file its progress names; the function's log has more."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """Progress of one data file."""

    bucket: str
    key: str
    rows: int = 0
    """CSV records that are done, from the first."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Of these rows, by `Outcome`."""
    etag: str | None = None
    """Of the object whose MD5 was right."""
    broken: tuple[str, ...] = ()
    """The first broken rows, with what is wrong."""
    started_at: Instant | None = None
    updated_at: Instant | None = None
    finished_at: Instant | None = None
    trouble: str | None = None
    """Why it waits; it is tried again."""
    error: str | None = None
    """Why it was given up."""


@dataclass(frozen=True, slots=True)
class RunProgress:
    """Progress of the run of one manifest."""

    id: str
    manifest: str
    """`s3://bucket/key`."""
    files: int | None = None
    """How many data files it names; None: not read yet."""
    started_at: Instant | None = None
    updated_at: Instant | None = None
    trouble: str | None = None
    """Why the manifest waits; it is tried again."""
    error: str | None = None
    """Why the manifest was given up."""


class RunState(StrEnum):
    """How far a run is."""

    WAITING = "waiting"
    """The manifest was not read yet."""
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """The manifest or some of its files were given up; all others are done."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run, and those of its files that were started."""

    run: RunProgress
    files: tuple[FileProgress, ...] = ()

    @property
    def state(self) -> RunState:
        if self.run.error:
            return RunState.FAILED
        if self.run.files is None:
            return RunState.WAITING
        failed = sum(one.error is not None for one in self.files)
        if self.files_finished + failed < self.run.files:
            return RunState.RUNNING
        return RunState.FAILED if failed else RunState.FINISHED

    @property
    def files_finished(self) -> int:
        return sum(one.finished_at is not None for one in self.files)

    @property
    def rows(self) -> int:
        return sum(one.rows for one in self.files)

    @property
    def counts(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for one in self.files:
            total.update(one.counts)
        return total

    @property
    def finished_at(self) -> Instant | None:
        """When its last file was finished; None: the run is not FINISHED."""
        if self.state is not RunState.FINISHED:
            return None
        times = [one.finished_at for one in self.files if one.finished_at]
        return max(times, default=self.run.started_at)

    @property
    def troubles(self) -> tuple[str, ...]:
        """Every trouble and error as text, that of the manifest first."""
        own = [text for text in (self.run.error, self.run.trouble) if text]
        return (
            *own,
            *(f"{one.key}: {text}" for one in self.files if (text := one.error or one.trouble)),
        )
