"""What the events of one batch are judged by: the rules, and reads of S3 and of the ledger."""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from replication.errors import Denied, Unavailable
from replication.head.port import Objects
from replication.head.replica_source import ReplicaSources
from replication.ledger.port import Ledger
from replication.s3.events import Created, Replicated
from replication.s3.rule_history import RuleHistory, require_tracked
from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Batch:
    """The surroundings of one batch.

    histories           the rules of the source buckets, as known when the batch began
    unknown             source buckets whose rules are not known, with the reason
    objects, ledger     reads of S3 and of the ledger
    tracked             all tracked buckets
    record_ineligible   whether versions that no rule takes are recorded
    destination_buckets tracked destinations; None: the tracked buckets that are no source
    reread              reads the rules of a bucket again
    note                keeps a refusal of S3 for the operator
    note_replicas       keeps that replicas of an untracked bucket arrive beside the version
    note_own            counts a new version of a destination that is no replica
    takes_own           whether a destination takes many objects of its own
    forgotten_before    COMPLETED versions of which nothing was heard since may be missing in the
                        ledger; None: none is forgotten
    """

    histories: Mapping[str, RuleHistory]
    unknown: Mapping[str, str]
    objects: Objects
    ledger: Ledger
    tracked: frozenset[str]
    record_ineligible: bool
    destination_buckets: frozenset[str] | None = None
    reread: Callable[[str], RuleHistory | None] = lambda _: None
    note: Callable[[Denied], None] = lambda _: None
    note_replicas: Callable[[ObjectVersion], None] = lambda _: None
    note_own: Callable[[str], None] = lambda _: None
    takes_own: Callable[[str], bool] = lambda _: False
    forgotten_before: Instant | None = None
    _reread: dict[str, RuleHistory] = field(default_factory=dict)

    def origins(self) -> ReplicaSources:
        return ReplicaSources(self.histories, self.objects, self.ledger)

    def sources(self, version: ObjectVersion, *, marker: bool = False) -> tuple[str, ...]:
        """Buckets whose replica the version could be. Unavailable when the rules of its bucket, or
        of one of these, were never read."""
        require_tracked(version.bucket, self.tracked, self.histories)
        if version.bucket in self.unknown or (self.unknown and self._is_destination(version)):
            names = "; ".join(f"{bucket}: {reason}" for bucket, reason in self.unknown.items())
            raise Unavailable(
                "replication configurations could not be read, allow "
                f"s3:GetReplicationConfiguration ({names})"
            )
        return self.origins().sources(version, marker=marker)

    def _is_destination(self, version: ObjectVersion) -> bool:
        known: Set[str] = self.destination_buckets or frozenset()
        if self.destination_buckets is None:
            known = self.tracked - self.histories.keys() - self.unknown.keys()
        return version.bucket in known or bool(self.origins().sources(version))

    def may_be_forgotten(self, event: Created | Replicated) -> bool:
        """Whether the event is so late that its version may have been forgotten meanwhile."""
        return self.forgotten_before is not None and event.at < self.forgotten_before

    def history(self, bucket: str) -> RuleHistory | None:
        return self._reread.get(bucket) or self.histories.get(bucket)

    def was_reread(self, bucket: str) -> bool:
        """Whether the rules of the bucket were read again for this batch."""
        return bucket in self._reread

    def read_again(self, history: RuleHistory) -> RuleHistory:
        """The rules as S3 has them now; as they were when it does not answer."""
        self._reread[history.bucket] = self.reread(history.bucket) or history
        return self._reread[history.bucket]
