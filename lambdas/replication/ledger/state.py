"""What the facts of one object version at one destination add up to: the values of the fold."""

from dataclasses import dataclass, field

from replication.ledger.fact import Fact
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant

NULL_VERSION = "null"
"""S3's word for the version written without versioning: the one version that can come again."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one object version at one destination; None is unknown.

    `since` is when `status` began, or the doubt of a version without one. `requested_at` is when
    the oldest replication was asked for that did not end yet (the write, or a change),
    `observed_at` the time of the latest fact. `failed_at` is the first failure that the
    destination has not recovered from, also while S3 tries again; `failure_code` its latest code.
    `arrived_at` says that the destination holds a replica; `lost_at` that it was deleted there
    afterwards. `in_doubt`: it is not certain that the version goes there. `quiet`: the status is
    old news, learnt by reading an inventory. `retention` is that of the latest change of it;
    `ended_by` is the sequencer of the deletion of a `null` version.
    """

    status: Status | None = None
    since: Instant | None = None
    evidence: Evidence | None = None
    rule_id: str | None = None
    requested_at: Instant | None = None
    observed_at: Instant | None = None
    failure_code: str | None = None
    late: bool | None = None
    created_at: Instant | None = None
    size: int | None = None
    etag: str | None = None
    sequencer: str | None = None
    delete_marker: bool | None = None
    arrived_at: Instant | None = None
    lost_at: Instant | None = None
    deleted_at: Instant | None = None
    in_doubt: bool | None = None
    failed_at: Instant | None = None
    quiet: bool | None = None
    retention: str | None = None
    ended_by: str | None = None

    @property
    def is_ruled_out(self) -> bool:
        """Whether S3 showed, or the rules say, that no rule replicates the version there. A status
        nobody has read, or one in doubt, is unknown instead."""
        return self.status is None and self.evidence is not None and not self.in_doubt

    @property
    def is_only_an_end(self) -> bool:
        """Whether nothing is known but that the version was deleted at its source: that makes no
        destination of it."""
        known = self.evidence or self.status or self.in_doubt
        return self.deleted_at is not None and not known

    @property
    def outstanding_since(self) -> Instant | None:
        """Since when the destination lacks the version, or may lack it; None: it has it, or the
        version is not due there."""
        match self.status:
            case Status.PENDING | Status.FAILED:
                return min(filter(None, (self.requested_at, self.since)), default=None)
            case None if self.in_doubt:
                return self.since
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Record:
    """A state and the facts it follows from, in order."""

    state: State = field(default_factory=State)
    facts: tuple[Fact, ...] = ()
