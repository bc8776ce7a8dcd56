"""How far a backfill is: values the function keeps and the command line shows. Pure."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from replication.times import Instant

MOST_NAMED = 10
"""Rows of a file named in its progress; the function's log has more."""


@dataclass(frozen=True, slots=True)
class FileProgress:
    """One data file. `rows` counts records of CSV, from the first; `counts` are those of exactly
    these rows, by `existing.Outcome`. `etag` is that of the object whose MD5 was right. `broken`
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


class State(StrEnum):
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
    def state(self) -> State:
        if self.run.error:
            return State.FAILED
        if self.run.files is None:
            return State.WAITING
        failed = sum(one.error is not None for one in self.files)
        if self.files_finished + failed < self.run.files:
            return State.RUNNING
        return State.FAILED if failed else State.FINISHED

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
        if self.state is not State.FINISHED:
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
