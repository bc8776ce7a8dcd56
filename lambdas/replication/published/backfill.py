"""What the backfill says: the message that starts one, how far it is, what became of its rows.
Values that the function keeps and the command shows.
"""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from replication.errors import Reason, Rejected
from replication.s3.deliveries import location_of
from replication.times import Instant, parse


class Outcome(StrEnum):
    """What became of a row; the names of a run's counts."""

    COMPLETED = "completed"
    PENDING = "pending"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    """Several destinations are possible; S3 was asked about each."""
    NO_RULE = "no_rule"
    """It has a status, and no rule the tracker knows could have sent it anywhere. Of a source
    version the status is recorded by itself."""
    NO_STATUS = "no_status"
    """Not eligible, or written before the rules. Recorded only when settings ask for it."""
    DELETE_MARKER = "delete_marker"
    """Markers have no status. S3 was asked who has it, unless the ledger knew."""
    REPLICA = "replica"
    """A copy of another bucket's version. S3 was asked whose, unless the ledger knew."""
    TASK_SUCCEEDED = "task_succeeded"
    TASK_NOT_TRIED = "task_not_tried"
    BROKEN = "broken"
    """The row could not be understood."""
    REFUSED = "refused"
    """Items the ledger cannot hold; their rows are counted by what they said as well."""
    NOT_LOOKED_AT = "not_looked_at"
    """Versions S3 denied a look at, so that something of them stays unknown; counted as well."""
    UNSOURCED = "unsourced"
    """Replicas of which no tracked bucket has the source; recorded without one, counted as well."""
    UNDECIDED = "undecided"
    """Markers that two buckets have since the same second, so that nobody can tell whose they are;
    counted as well."""


@dataclass(frozen=True, slots=True)
class Request:
    """A message of the queue. `rules_since`: the rules the tracker first read held from then on."""

    manifest: str
    file: tuple[str, str] | None = None
    rules_since: Instant | None = None

    @classmethod
    def parse(cls, body: str) -> "Request":
        """Rejected when it is none of ours."""
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
        message: dict[str, object] = {"manifest": self.manifest}
        if self.file is not None:
            message["file"] = dict(zip(("bucket", "key"), self.file, strict=True))
        if self.rules_since is not None:
            message["rules_since"] = self.rules_since
        return json.dumps(message)


MOST_NAMED = 10
"""Rows of a file named in its progress; the function's log has more."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One data file. `rows` counts records of CSV, from the first; `counts` are those of exactly
    these rows, by `Outcome`. `etag` is that of the object whose MD5 was right. `broken`
    names rows. `trouble` is what the file waits for, `error` what ended it."""

    bucket: str
    key: str
    rows: int = 0
    counts: Mapping[str, int] = field(default_factory=dict)
    etag: str | None = None
    broken: tuple[str, ...] = ()
    started_at: Instant | None = None
    updated_at: Instant | None = None
    finished_at: Instant | None = None
    trouble: str | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class RunProgress:
    """The run of one manifest; `files` is how many it names, None before it was read."""

    id: str
    manifest: str
    files: int | None = None
    started_at: Instant | None = None
    updated_at: Instant | None = None
    trouble: str | None = None
    error: str | None = None


class RunState(StrEnum):
    WAITING = "waiting"
    """Nobody has read the manifest yet."""
    RUNNING = "running"
    FINISHED = "finished"
    FAILED = "failed"
    """The manifest or some of its files are of no use; all others are done."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A run and those of its files that were begun."""

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
        """When its last file was; None while it goes on."""
        if self.state is not RunState.FINISHED:
            return None
        times = [one.finished_at for one in self.files if one.finished_at]
        return max(times, default=self.run.started_at)

    @property
    def troubles(self) -> tuple[str, ...]:
        """What is wrong, the manifest's own first."""
        own = [text for text in (self.run.error, self.run.trouble) if text]
        return (
            *own,
            *(f"{one.key}: {text}" for one in self.files if (text := one.error or one.trouble)),
        )
