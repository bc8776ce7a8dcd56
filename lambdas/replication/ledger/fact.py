"""The one currency: whatever is learnt about an object version becomes a `Fact`."""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant


class Kind(StrEnum):
    """What a fact says. `fold.effect` gives each its meaning."""

    INELIGIBLE = "ineligible"
    """The version was written and no rule takes it (destination is empty)."""
    POSSIBLE = "possible"
    """The version was written, and whether a rule takes it to this destination is in doubt."""
    NOTED = "noted"
    """S3 said something that decides nothing, such as OperationNotTracked."""
    REQUESTED = "requested"
    """The version was written and a rule takes it to this destination."""
    CHANGED = "changed"
    """Tags, ACL or retention of the version changed. By itself it decides nothing."""
    VERDICT = "verdict"
    """What rules, tags and HEAD say of such a change: `Fact.status` is PENDING when S3 takes it to
    this destination once more, None when it does not."""
    THRESHOLD_MISSED = "threshold_missed"
    """Replication Time Control: not there within its threshold (15 minutes)."""
    OBSERVED = "observed"
    """A status read rather than told (HEAD, inventory, report): `Fact.status`."""
    FAILED = "failed"
    """S3 gave up on this destination: `Fact.failure_code`."""
    ARRIVED = "arrived"
    """The destination has it."""
    REPLICA_DELETED = "replica_deleted"
    """The replica was deleted for good at the destination."""
    DELETED = "deleted"
    """The version was deleted for good at the source."""


# Facts of one millisecond are ordered by rank: COMPLETED over FAILED over PENDING, and what ends
# a version over what happened to it. Ranks are compared as text, with a `#` behind them.
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
    """One thing learnt about one object version at one destination.

    `destination` is a bucket name, or empty when the fact concerns no destination.
    `at` is when it happened (not when it was heard). `id` names the event it came from and is the
    same whenever that event is delivered again. `requested_at` is S3's `requestTime`; of a
    fact that was read (OBSERVED, or of an inventory) it is LastModified, when the version was
    written. `size` is in bytes. `sequencer` is S3's own order of creates and deletes of one key.
    `present` says that HEAD found the version at the destination, whatever its status. `in_doubt`:
    it is not certain that the version goes there. `quiet`: it was learnt because an inventory was
    read, so it is old news. `retention` is the Object Lock retention that a change set.
    """

    kind: Kind
    version: ObjectVersion
    destination: str
    at: Instant
    evidence: Evidence
    id: str
    rule_id: str | None = None
    requested_at: Instant | None = None
    size: int | None = None
    etag: str | None = None
    sequencer: str | None = None
    failure_code: str | None = None
    status: Status | None = None
    delete_marker: bool | None = None
    late: bool | None = None
    present: bool | None = None
    detail: str | None = None
    in_doubt: bool | None = None
    quiet: bool | None = None
    retention: str | None = None

    @property
    def order(self) -> str:
        """Sorts the facts of one (version, destination): time, then rank, then id.

        The id enters as a digest: it is the sender's own text, and this becomes part of an
        attribute name.
        """
        digest = blake2b(self.id.encode(), digest_size=6).hexdigest()
        return f"{self.at}#{_RANK[self.kind]}#{digest}"
