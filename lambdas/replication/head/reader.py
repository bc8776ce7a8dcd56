"""Asks S3 about a version. HEAD answers are the last word on what no event told.

The source is asked first. COMPLETED there speaks of every destination that is certain; a PENDING or
FAILED one of the only destination. Otherwise each destination is asked whether it has the version,
and so is each one in doubt.

    source gone (404)   the version has ended; a replica nobody told of may have outlived it
    no header           no rule replicates it (any more)
    COMPLETED           every destination that is certain has it; those in doubt show it themselves
    PENDING             one destination: that; several: whoever lacks it, or lacks its tags, is
                        pending; when nobody does, a change is on its way to all of them
    FAILED              one destination: that; several: whoever was said to have failed and lacks
                        it, else all that lack it, else the replica that differs in its tags (S3
                        may not read the source's tags or write the destination's: it says FAILED,
                        sends no event, and leaves a replica without tags)
    unreadable          (an object whose key only its owner has) whoever has it, has it

A destination that refuses to be asked stays as it is, and hides nothing of the others.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from replication.errors import Denied, Hidden
from replication.head import status_facts
from replication.head.port import Head, Objects
from replication.head.status_facts import IS_REPLICA, NO_RULE, NO_RULE_SEEN, PLACED, Heads, Reading
from replication.ledger.fact import Fact, Kind
from replication.ledger.state import State
from replication.s3.destinations import certain_whatever_its_tags
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from replication.s3.status import REPLICA, Status
from replication.s3.version import ObjectVersion
from replication.times import Instant


def possible_destinations(
    history: RuleHistory | None, version: ObjectVersion, known: Mapping[str, State], now: Instant
) -> tuple[str, ...] | None:
    """Where a version may be due beside what is `known`; None: no rule that nobody saw took it,
    so but for those in doubt themselves its destinations are certain."""
    created_at = _created_at(known)
    unplaced = known.get("", State()).in_doubt
    if history is None or not (unplaced or history.in_doubt(created_at, now)):
        return None
    return tuple(history.candidates(version.key))


def with_certain_destinations(
    history: RuleHistory | None, version: ObjectVersion, known: Mapping[str, State]
) -> Mapping[str, State]:
    """What is known, and the destinations beside it that the rules take the version to for certain:
    the write of one destination's item may have failed, or its message be still on its way."""
    created_at = _created_at(known)
    own = [state for name, state in known.items() if name and not state.is_ruled_out]
    if history is None or created_at is None or not own or history.in_doubt(created_at):
        return known
    if any(state.delete_marker for state in own):
        return known
    found = certain_whatever_its_tags(history.at(created_at), version.key, delete_marker=False)
    return {one.destination: State() for one in found} | dict(known)


@dataclass(frozen=True, slots=True)
class VersionReader:
    """Looks at versions. `audit` also asks destinations that are said to have a replica. `note`
    keeps a refusal for the operator, `note_replicas` that a source bucket holds a replica of
    nobody known. `quiet`: S3 is asked because of an inventory."""

    objects: Objects
    audit: bool = False
    note: Callable[[Denied], None] = lambda _: None
    note_replicas: Callable[[ObjectVersion], None] = lambda _: None
    quiet: bool = False

    def read(
        self,
        version: ObjectVersion,
        known: Mapping[str, State],
        now: Instant,
        possible: Collection[str] | None = None,
        sure: str | None = None,
        listed: Status | None = None,
    ) -> list[Fact]:
        """Facts about the destinations in `known` and, where the rules it met are in doubt, in
        `possible`; None: they are not. `sure` is one that is beyond doubt, because S3 spoke of it;
        `listed` is the status that an inventory gives of what HEAD cannot read. Denied or
        Unavailable when S3 does not say."""
        unplaced = known.get("", State())
        named = {name: state for name, state in known.items() if name and not state.is_only_an_end}
        # What was ruled out is asked about once more only when nothing else explains a header.
        due = {name: state for name, state in named.items() if not state.is_ruled_out} or named
        in_doubt = possible is not None or any(state.is_ruled_out for state in due.values())
        reading = Reading(version, due, now, in_doubt, sure, quiet=self.quiet)
        head = self.objects.head(version)
        if head is None:
            unheard = dict.fromkeys(possible or (), State())
            there = self.replicas_left(version, unheard | named, now)
            names = dict.fromkeys([*named, *(fact.destination for fact in there)])
            if unplaced.in_doubt or not names:
                names[""] = None
            return [reading.fact(Kind.DELETED, name) for name in names] + there
        if head.unreadable and listed:
            head = replace(head, replication_status=listed, unreadable=False)
        written_at = _created_at(known) or head.last_modified
        reading = replace(reading, written_at=written_at)
        facts = self._by_head(reading, head, possible or ())
        if unplaced.in_doubt:
            facts += _whole_version(reading, head, unplaced, facts)
        return facts + (self._missing_replicas(reading, facts) if self.audit else [])

    def replicas_left(
        self, version: ObjectVersion, known: Mapping[str, State], now: Instant
    ) -> list[Fact]:
        """Replicas of a version that is gone, which arrived before it went without the ledger
        being told. What a destination denies stays unknown: nobody will ask again."""
        reading = Reading(version, known, now, quiet=self.quiet)
        # One that was lost may have come once more.
        names = [name for name, state in known.items() if name and not state.arrived_at]
        heads = self._heads(version, names)
        return [
            reading.from_destination(name, Status.COMPLETED, there=there)
            for name, there in heads.items()
            if there
        ]

    def _by_head(self, reading: Reading, head: Head, possible: Collection[str]) -> list[Fact]:
        everywhere = {*reading.known, *possible}
        if head.unreadable:
            self.note(Hidden(reading.version.bucket))
            return status_facts.of_unreadable(reading, self._heads(reading.version, everywhere))
        if head.delete_marker:
            return status_facts.of_marker(reading, self._heads(reading.version, everywhere))
        said = head.replication_status
        if said in (None, REPLICA):
            if said is None:
                return [reading.from_source(name, None, NO_RULE) for name in reading.known]
            self.note_replicas(reading.version)
            # A job may have copied it on all the same.
            return [
                reading.from_source(name, None, IS_REPLICA)
                for name in reading.known
                if not reading.is_destination(name)
            ]
        status = Status(str(said))
        if status is Status.COMPLETED:
            doubtful = [name for name in everywhere if reading.is_doubtful(name)]
            if reading.all_in_doubt:
                doubtful = list(everywhere)
            heads = self._heads(reading.version, doubtful)
            facts = status_facts.of_completed(reading, heads)
            return facts + reading.doubt_of_denied(set(doubtful) - set(heads), facts)
        if len(everywhere) == 1 and not any(map(reading.is_doubtful, everywhere)):
            return self._only_destination(reading, head, status)
        heads = self._heads(reading.version, everywhere)
        reading = replace(reading, differing=self._differing(reading.version, head, heads))
        if status is Status.PENDING:
            facts = status_facts.of_pending(reading, heads)
        else:
            facts = status_facts.of_failed(reading, heads) or _failed_somewhere(reading)
        return facts + reading.doubt_of_denied(everywhere - set(heads), facts)

    def _only_destination(self, reading: Reading, head: Head, said: Status) -> list[Fact]:
        """The status of the only destination, which need not be asked; of one that failed it tells
        whether something came there."""
        if said is Status.PENDING:
            return [reading.from_source(name, said) for name in reading.known]
        heads = self._heads(reading.version, reading.known)
        if not heads:
            return _failed_somewhere(reading)
        reading = replace(reading, differing=self._differing(reading.version, head, heads))
        return status_facts.of_failed(reading, heads)

    def _heads(self, version: ObjectVersion, names: Iterable[str]) -> Heads:
        """What the buckets have of the version: a replica keeps its key and version id. Those that
        refuse to say are left out."""
        found: dict[str, Head | None] = {}
        for name in sorted(names):
            try:
                found[name] = self.objects.head(version.in_bucket(name))
            except Denied as denied:
                self.note(denied)
        return found

    def _differing(self, version: ObjectVersion, head: Head, heads: Heads) -> frozenset[str]:
        """Destinations whose replica has other tags than its source. Tags are compared where they
        may be read, their numbers where those are known; what is unknown differs not."""
        there = {name: one for name, one in heads.items() if one and not one.delete_marker}
        if not there:
            return frozenset()
        mine = self._tags(version)
        found = set()
        for name, one in there.items():
            if None not in (head.tag_count, one.tag_count) and head.tag_count != one.tag_count:
                found.add(name)
                continue
            theirs = None if mine is None else self._tags(version.in_bucket(name))
            if mine is not None and theirs is not None and mine != theirs:
                found.add(name)
        return frozenset(found)

    def _tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        """None: they may not be read, or the version is gone."""
        try:
            return self.objects.tags(version)
        except Denied as denied:
            self.note(denied)
            return None

    def _missing_replicas(self, reading: Reading, facts: list[Fact]) -> list[Fact]:
        """Replicas that S3 calls replicated and the destination does not have (any more)."""
        completed = [
            fact.destination
            for fact in facts
            if fact.destination
            and fact.status is Status.COMPLETED
            and not reading.state(fact.destination).lost_at
        ]
        return [
            reading.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION)
            for name, there in self._heads(reading.version, completed).items()
            if there is None
        ]


def _created_at(known: Mapping[str, State]) -> Instant | None:
    return max((s.created_at for s in known.values() if s.created_at), default=None)


def _whole_version(
    reading: Reading, head: Head, unplaced: State, facts: Sequence[Fact]
) -> list[Fact]:
    """The end of the doubt whether any rule took the version at all: another destination is known
    or in doubt in its stead, or S3 shows that none did."""
    if any(not fact.destination for fact in facts):
        return []
    if any(fact.status or (fact.in_doubt and not head.unreadable) for fact in facts):
        return [reading.from_source("", None, PLACED)]
    if head.delete_marker:
        doubted = replace(reading, known={"": unplaced})
        return [fact for fact in doubted.end_doubt("") if fact.status is None]
    match head.replication_status:
        case None if not head.unreadable:
            return [reading.from_source("", None, NO_RULE)]
        case "REPLICA":
            return [reading.from_source("", None, IS_REPLICA)]
        case Status.COMPLETED:
            return [reading.from_source("", None, NO_RULE_SEEN)]
        case _:
            return []


def _failed_somewhere(reading: Reading) -> list[Fact]:
    """The source says FAILED, and no destination may be asked."""
    reason = status_facts.SEVERAL_MAY_HAVE_FAILED if len(reading.known) > 1 else None
    names = reading.with_status(Status.FAILED) or list(reading.known)
    return [reading.from_source(name, Status.FAILED, reason) for name in names]
