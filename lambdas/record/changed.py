"""A change of a version's tags, ACL or retention.

S3 applies the rules and tags of the time of the change, not those of the creation:

    no rule takes it         nothing changes: COMPLETED stays COMPLETED, FAILED stays FAILED
    a rule takes it          the version is PENDING again, also when it was FAILED
    it depends on the tags   HEAD decides: while the source is COMPLETED, nothing is on its way
    replication both ways    HEAD decides: the change may be a replica of the other side's
    no rule took the version nothing, but a destination that a rule names since is in doubt

Each destination gets two facts: the event, and a verdict at the same time with the same id. So a
second delivery of the event changes nothing, whatever S3 says by then.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from record.claims import fact_of
from replication.errors import Denied
from replication.ledger.fact import Fact, Kind
from replication.s3.destinations import due, takes_change
from replication.s3.evidence import Evidence
from replication.s3.status import REPLICA, Status
from replication.times import Instant, end_of_second

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from record.batch import Batch
    from replication.head.port import Head
    from replication.ledger.state import State
    from replication.s3.events import Changed
    from replication.s3.rule_history import RuleHistory
    from replication.s3.rules import Tags
    from replication.s3.version import ObjectVersion

_UNDER_WAY = (Status.PENDING, Status.FAILED)
"""The header of a source whose change S3 replicates. When S3 gave up, it is FAILED."""


@dataclass(frozen=True, slots=True)
class _SourceReads:
    """What S3 says of the source.

    head        HeadObject; None: not read, or there is no such version
    denied      S3 refused HEAD
    tags        None: not read
    """

    head: Head | None = None
    denied: bool = False
    tags: Tags | None = None

    @property
    def status(self) -> str | None:
        return self.head.replication_status if self.head else None


@dataclass(frozen=True, slots=True)
class Changes:
    """The changes of a batch; `world` are its event claims, `now` is the wall clock."""

    world: Batch
    now: Instant

    def of(self, event: Changed) -> list[Fact]:
        """The facts of a change; none when its version is not tracked."""
        version = event.version
        history = self.world.histories.get(version.bucket)
        known = self.world.ledger.states(version) if history else {}
        if history and known and set(known) != {version.bucket}:
            return self._of_known(event, history, known)
        for source in self.world.origins().sources(version):
            original = version.in_bucket(source)
            states = self.world.ledger.states(original)
            if version.bucket in states:
                return self._of_replica(event, original, states)
        return self._of_unknown(event, history) if history else []

    def _of_known(
        self, event: Changed, history: RuleHistory, known: Mapping[str, State]
    ) -> list[Fact]:
        key, last = event.version.key, end_of_second(event.at)
        own = {
            name: state
            for name, state in known.items()
            if name not in ("", event.version.bucket) and (state.status or state.in_doubt)
        }
        if not own:
            return []  # no rule took the version, so none takes its changes
        met = history.met(event.at, last)
        takes = {name: _agreed(takes_change(one, key, name, None) for one in met) for name in own}
        unsure = len(met) > 1 or not history.is_read(last) or history.is_changing(last)
        reads = _SourceReads()
        if None in takes.values() or any(self._both_ways(event.version, name) for name in own):
            reads = self._read_source(event.version, with_tags=None in takes.values())
            takes = {
                name: self._by_head(
                    reads,
                    _agreed(takes_change(one, key, name, reads.tags) for one in met),
                    state,
                    alone,
                )
                if takes[name] is None or self._both_ways(event.version, name)
                else takes[name]
                for name, state in own.items()
                for alone in [len(own) == 1]
            }
        facts = []
        for name, taken in takes.items():
            if taken is False and unsure:
                taken = None
            facts += list(self._facts(event, name, taken))
        for one in due(
            history, key, event.at, last, delete_marker=False, tags=reads.tags, tags_denied=True
        ):
            if one.taken and _says_nothing(known.get(one.destination)):
                facts += list(self._facts(event, one.destination, None))
        return facts

    @staticmethod
    def _by_head(reads: _SourceReads, taken: bool | None, state: State, alone: bool) -> bool | None:
        """Whether S3 takes the change; None: unknown."""
        if reads.denied or (reads.head and reads.head.unreadable):
            return taken
        if reads.status not in _UNDER_WAY:
            return False
        if not alone:
            return taken
        # If it was FAILED and still is, the change was not taken or has failed.
        return reads.status == Status.PENDING or state.status is not Status.FAILED

    @staticmethod
    def _facts(event: Changed, name: str, taken: bool | None) -> Iterator[Fact]:
        status = Status.PENDING if taken else None
        yield changed(event, name)
        yield verdict(event, name, status, in_doubt=taken is None)

    def _both_ways(self, version: ObjectVersion, name: str) -> bool:
        other = self.world.histories.get(name)
        return other is not None and other.may_take(version.key, version.bucket)

    def _read_source(self, version: ObjectVersion, *, with_tags: bool) -> _SourceReads:
        try:
            head = self.world.objects.head(version)
        except Denied as denied:
            self.world.note(denied)
            return _SourceReads(denied=True)
        under_way = head is not None and (head.unreadable or head.replication_status in _UNDER_WAY)
        if not (with_tags and under_way):
            return _SourceReads(head)
        try:
            return _SourceReads(head, tags=self.world.objects.tags(version))
        except Denied as denied:
            self.world.note(denied)
            return _SourceReads(head)

    def _of_unknown(self, event: Changed, history: RuleHistory) -> list[Fact]:
        """The creation was lost, or is still on its way. The header shows that a rule took the
        version, and the rules of its time show where; tags may be newer, so HEAD is needed."""
        reads = self._read_source(event.version, with_tags=True)
        head = reads.head
        if head is not None and not head.unreadable and reads.status in (None, REPLICA):
            return []
        if head is None and not reads.denied:
            return []
        written_at = (head and head.last_modified) or event.at
        facts = []
        for one in due(
            history,
            event.version.key,
            written_at,
            end_of_second(written_at),
            delete_marker=bool(head and head.delete_marker),
            tags=reads.tags,
            tags_denied=reads.tags is None,
        ):
            sure = reads.status == Status.PENDING and one.taken and not one.in_doubt
            facts += list(self._facts(event, one.destination, True if sure else None))
        return facts

    def _of_replica(
        self, event: Changed, original: ObjectVersion, known: Mapping[str, State]
    ) -> list[Fact]:
        """A replica's tags or ACL changed, by replication or by hand: the source shows which."""
        try:
            head = self.world.objects.head(original)
        except Denied as denied:
            self.world.note(denied)
            return []
        if head is None or head.replication_status != Status.COMPLETED:
            return []
        return [
            observed(original, name, Status.COMPLETED, self.now, event.id)
            for name, state in known.items()
            if name == event.version.bucket or self._surely_goes(original, name, state)
        ]

    def _surely_goes(self, version: ObjectVersion, name: str, state: State) -> bool:
        """Whether the version goes there, as far as its status is known. Rules that may have
        changed about the time of its write do not say so."""
        history = self.world.histories.get(version.bucket)
        written_at = state.created_at or state.requested_at
        certain = history is not None and not history.in_doubt(written_at)
        return bool(name and state.status and not state.in_doubt and certain)


def _says_nothing(state: State | None) -> bool:
    """Whether nothing is known of the destination."""
    return state is None or not (state.status or state.in_doubt or state.evidence)


def _agreed(answers: Iterable[bool | None]) -> bool | None:
    """The common answer of all rules that may have applied; None: they differ or do not know."""
    found = set(answers)
    return found.pop() if len(found) == 1 else None


def changed(event: Changed, destination: str) -> Fact:
    """Tags, ACL or retention of the source version changed. The fact has the event's data alone, so
    that a second delivery makes the same fact."""
    return fact_of(event, Kind.CHANGED, destination, Evidence.OBJECT_CHANGED)


def verdict(
    event: Changed, destination: str, status: Status | None, *, in_doubt: bool = False
) -> Fact:
    """What the change does at a destination: PENDING when S3 replicates it there. It has the time
    and id of the event, so the first verdict on an event stays."""
    return fact_of(
        event,
        Kind.VERDICT,
        destination,
        Evidence.OBJECT_CHANGED,
        detail=None,
        status=status,
        retention=event.retention,
        in_doubt=in_doubt or None,
    )


def observed(
    version: ObjectVersion, destination: str, status: Status, at: Instant, because: str
) -> Fact:
    """HeadObject on the source gave `status` at that time; `because` is the id of the event that
    caused the HEAD."""
    return Fact(
        kind=Kind.OBSERVED,
        version=version,
        destination=destination,
        at=at,
        evidence=Evidence.HEAD_SOURCE,
        id=f"head:{because}",
        status=status,
    )
