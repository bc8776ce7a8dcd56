"""An event as claims about versions at destinations.

`claims` needs the event and the rules alone, which is enough for nearly every event. Where it is
not, `claims_by_reading` reads the ledger and then S3. Each event of S3 has a module of its own:
`created`, `deleted`, `changed`, `replicated`.
"""

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, field

from record import created, deleted, replicated
from record.changed import Changes
from record.claims import TRIES, certain
from replication.errors import Denied, Unavailable, Unplaced, Unsourced
from replication.head.port import Objects
from replication.head.replica_source import ReplicaSources
from replication.ledger.port import Claim, Ledger
from replication.s3.events import Changed, Created, Deleted, Event, Replicated
from replication.s3.rule_history import RuleHistory, require_tracked
from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class EventClaims:
    """The claims of the events of one batch.

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
    _reread: dict[str, RuleHistory] = field(default_factory=dict)

    def claims(self, event: Event) -> list[Claim] | None:
        """The claims that the event and the rules make; None when more has to be read. Rejected for
        a bucket that is not tracked, Unavailable when its rules cannot be read."""
        match event:
            case Created():
                return created.claims(self, event)
            case Deleted():
                return deleted.claims(self, event)
            case Replicated():
                return replicated.claims(self, event)
            case _:
                return None

    def claims_by_reading(self, event: Event, now: Instant, *, receives: int = 1) -> list[Claim]:
        """The claims of an event after reads of the ledger and S3; none when it concerns no tracked
        replication. `receives` is how often its message was received. NotYet when a later try may
        succeed; Unplaced a few times at most."""
        last_try = receives >= TRIES
        try:
            match event:
                case Created():
                    return created.claims_by_reading(self, event, receives)
                case Deleted():
                    return deleted.claims_by_reading(self, event, now)
                case Changed():
                    self.sources(event.version)
                    return certain(Changes(self, now).of(event))
                case Replicated():
                    return replicated.claims_by_reading(self, event, now)
                case _:
                    return []
        except Unsourced:
            if last_try and isinstance(event, Created):
                # It is a replica, and its source is not known.
                return certain([created.arrived(event, event.version.bucket)])
            raise
        except Unplaced:
            if last_try:
                return []
            raise
        except Denied as denied:
            self.note(denied)
            if not last_try:
                raise Unplaced(str(denied)) from denied
            return created.claims_when_denied(self, event) if isinstance(event, Created) else []

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

    def history(self, bucket: str) -> RuleHistory | None:
        return self._reread.get(bucket) or self.histories.get(bucket)

    def was_reread(self, bucket: str) -> bool:
        """Whether the rules of the bucket were read again for this batch."""
        return bucket in self._reread

    def read_again(self, history: RuleHistory) -> RuleHistory:
        """The rules as S3 has them now; as they were when it does not answer."""
        self._reread[history.bucket] = self.reread(history.bucket) or history
        return self._reread[history.bucket]
