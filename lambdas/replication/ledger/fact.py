"""Facts: everything the tracker learns about an object version becomes one."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant


class Kind(StrEnum):
    """What a fact says. `fold.step` gives each its meaning."""

    INELIGIBLE = "ineligible"
    """The version was written, and no rule replicates it. The destination is empty."""
    POSSIBLE = "possible"
    """The version was written; whether a rule sends it to this destination is in doubt."""
    NOTED = "noted"
    """S3 said something that changes no status, such as OperationNotTracked."""
    REQUESTED = "requested"
    """The version was written, and a rule sends it to this destination."""
    CHANGED = "changed"
    """Tags, ACL or retention of the version changed. Changes no status by itself; see VERDICT."""
    VERDICT = "verdict"
    """Whether S3 replicates such a change to this destination, from rules, tags and HEAD:
    `Fact.status` is PENDING when it does, None when it does not."""
    THRESHOLD_MISSED = "threshold_missed"
    """Replication Time Control: not replicated within 15 minutes."""
    OBSERVED = "observed"
    """A status that was read (HEAD, inventory, report): `Fact.status`."""
    FAILED = "failed"
    """S3 reported that the replication failed: `Fact.failure_code`."""
    ARRIVED = "arrived"
    """The replica arrived at the destination."""
    REPLICA_DELETED = "replica_deleted"
    """The replica was deleted by its version id."""
    DELETED = "deleted"
    """The source version was deleted by its version id."""


# Facts of one millisecond are ordered by rank: COMPLETED after FAILED after PENDING, deletions
# last. Ranks are compared as text, with a `#` behind them.
_RANK = {
    Kind.INELIGIBLE: "0",
    Kind.POSSIBLE: "05",
    Kind.NOTED: "1",
    Kind.REQUESTED: "2",
    Kind.CHANGED: "3",
    Kind.VERDICT: "35",
    Kind.THRESHOLD_MISSED: "4",
    Kind.OBSERVED: "5",
    Kind.FAILED: "6",
    Kind.ARRIVED: "7",
    Kind.REPLICA_DELETED: "8",
    Kind.DELETED: "9",
}


@dataclass(frozen=True, slots=True)
class Fact:
    """One thing learnt about one object version at one destination. None is unknown."""

    kind: Kind
    version: ObjectVersion
    """The source version."""
    destination: str
    """A bucket name; empty when the fact is about the version as a whole."""
    at: Instant
    """When it happened, or when it was read."""
    evidence: Evidence
    id: str
    """Names the event it comes from, the same whenever that is delivered again."""
    rule_id: str | None = None
    requested_at: Instant | None = None
    """S3's `requestTime`; of a reading the LastModified of the version."""
    size: int | None = None
    """In bytes."""
    etag: str | None = None
    sequencer: str | None = None
    """S3's order of the writes and deletes of one key."""
    failure_code: str | None = None
    status: Status | None = None
    """Of OBSERVED and VERDICT."""
    delete_marker: bool | None = None
    late: bool | None = None
    """Replicated after the threshold of Replication Time Control."""
    present: bool | None = None
    """HEAD found the version at the destination, whatever its status."""
    detail: str | None = None
    """For a person."""
    in_doubt: bool | None = None
    """It is not certain that the version goes to this destination."""
    quiet: bool | None = None
    """Learnt from an inventory: it happened long ago, so it is not counted or announced."""
    retention: str | None = None
    """The Object Lock retention that a change set."""

    @property
    def order(self) -> str:
        """Sorts the facts of one item: time, then rank of the kind, then id.

        A digest stands for the id, which is the sender's text: `order` becomes part of an attribute
        name.
        """
        digest = blake2b(self.id.encode(), digest_size=6).hexdigest()
        return f"{self.at}#{_RANK[self.kind]}#{digest}"
