"""What the facts of one object version at one destination add up to; `fold.py` makes it."""

from dataclasses import dataclass, field

from replication.ledger.fact import Fact
from replication.s3.evidence import EVENTS, Evidence
from replication.s3.status import Status
from replication.times import Instant

NULL_VERSION = "null"
"""S3's id of a version written without versioning; the only version that can be written again."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one object version at one destination. None: unknown, or none."""

    status: Status | None = None
    since: Instant | None = None
    """When the status began; of a version without one, when the doubt began."""
    evidence: Evidence | None = None
    """Where the status comes from."""
    rule_id: str | None = None
    requested_at: Instant | None = None
    """When the oldest unfinished replication was requested, by the write or by a change."""
    observed_at: Instant | None = None
    """The time of the latest fact."""
    failure_code: str | None = None
    """Reason of the latest failure."""
    late: bool | None = None
    """Missed the threshold of Replication Time Control."""
    created_at: Instant | None = None
    """When the version was written."""
    size: int | None = None
    """In bytes."""
    etag: str | None = None
    sequencer: str | None = None
    """S3's sequencer of the write."""
    delete_marker: bool | None = None
    arrived_at: Instant | None = None
    """When the replica arrived, or was first read; None: the destination has none."""
    lost_at: Instant | None = None
    """When the replica was deleted at the destination."""
    deleted_at: Instant | None = None
    """When the source version was deleted by its version id."""
    in_doubt: bool | None = None
    """It is not certain that the version goes to this destination."""
    failed_at: Instant | None = None
    """The first failure since the last success, kept while S3 tries again."""
    quiet: bool | None = None
    """The status was learnt from an inventory: it began long ago, so it is not announced."""
    retention: str | None = None
    """Object Lock retention, as the latest change set it."""
    ended_by: str | None = None
    """S3's sequencer of the deletion of a `null` version."""

    @property
    def is_ruled_out(self) -> bool:
        """Whether it is known that no rule replicates the version there."""
        return self.status is None and self.evidence is not None and not self.in_doubt

    @property
    def is_failed_by_name(self) -> bool:
        """Whether S3 itself named this destination as FAILED, by an event or with a reason. Other
        failures were read at the source, whose status may be that of another destination."""
        return self.status is Status.FAILED and bool(self.failure_code or self.evidence in EVENTS)

    @property
    def is_named(self) -> bool:
        """Whether S3 itself named this destination, as FAILED or late, since it was asked for."""
        return bool(self.late or self.failure_code or self.is_failed_by_name)

    @property
    def is_only_an_end(self) -> bool:
        """Whether only the deletion of the source version is known. That does not show that the
        version ever went to this destination."""
        known = self.evidence or self.status or self.in_doubt
        return self.deleted_at is not None and not known

    @property
    def outstanding_since(self) -> Instant | None:
        """Request time of a PENDING or FAILED version; start of the doubt of one that may go
        there. None: it has arrived, or does not go there."""
        match self.status:
            case Status.PENDING | Status.FAILED:
                return min(filter(None, (self.requested_at, self.since)), default=None)
            case None if self.in_doubt:
                return self.since
            case _:
                return None


@dataclass(frozen=True, slots=True)
class Record:
    """A state and the facts behind it, in order."""

    state: State = field(default_factory=State)
    facts: tuple[Fact, ...] = ()
