"""Reads a version with HEAD and finds its status at each destination.

HEAD of the source shows one status for all destinations. COMPLETED is the status of every certain
destination; PENDING and FAILED are that of a single one. Otherwise HEAD of each destination shows
whether it has the version, and so it does for destinations in doubt.

    404 at the source   the version was deleted; replicas of it may exist
    no header           no rule replicates it, or none does any more
    COMPLETED           COMPLETED at every certain destination; at one in doubt if it has it
    PENDING             PENDING where the version, or its tags, are missing; if nowhere, a change
                        is on its way to all destinations
    FAILED              FAILED where an event said so and the version is missing; else where it is
                        missing; else where its tags differ (if S3 may not read the source's tags or
                        write the destination's, it shows FAILED, sends no event and leaves a
                        replica without the tags)
    unreadable (SSE-C)  COMPLETED where the destination has it

A destination whose HEAD is denied keeps its state.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from replication.errors import Denied, Hidden
from replication.head import status_facts
from replication.head.port import Head, Objects
from replication.head.reading import Heads, Reading
from replication.head.status_facts import IS_REPLICA, NO_RULE, NO_RULE_SEEN, PLACED
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
    """Destinations a version may go to, when the rules that apply to it are in doubt; None: they
    are not, so it goes only to those in `known`."""
    created_at = _created_at(known)
    unplaced = known.get("", State()).in_doubt
    if history is None or not (unplaced or history.in_doubt(created_at, now)):
        return None
    return tuple(history.candidates(version.key))


def with_certain_destinations(
    history: RuleHistory | None, version: ObjectVersion, known: Mapping[str, State]
) -> Mapping[str, State]:
    """`known`, and further destinations that the rules certainly send the version to: the write of
    one item may have failed, or its message may be waiting in the queue."""
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
    """Reads versions with HEAD."""

    objects: Objects
    audit: bool = False
    """Also read destinations that are COMPLETED, to find replicas that were deleted."""
    note: Callable[[Denied], None] = lambda _: None
    """Records a denied call for the operator."""
    note_replicas: Callable[[ObjectVersion], None] = lambda _: None
    """Records that a version in a source bucket is a replica of an untracked bucket."""
    quiet: bool = False
    """The reading is due to an inventory: its facts are not counted or announced."""

    def read(
        self,
        version: ObjectVersion,
        known: Mapping[str, State],
        now: Instant,
        possible: Collection[str] | None = None,
        sure: str | None = None,
        listed: Status | None = None,
    ) -> list[Fact]:
        """Facts about the version at its destinations. Denied or Unavailable when HEAD of the
        source fails.

        known     its state by destination, as the ledger has it
        possible  further destinations, if the rules that apply are in doubt (None: they are not)
        sure      a destination that S3 named in an event
        listed    its status in an inventory, for a version that HEAD cannot read
        """
        unplaced = known.get("", State())
        named = {name: state for name, state in known.items() if name and not state.is_only_an_end}
        # Destinations that were ruled out are read only if there is no other.
        due = {name: state for name, state in named.items() if not state.is_ruled_out} or named
        in_doubt = possible is not None or any(state.is_ruled_out for state in due.values())
        others = possible or ()
        reading = Reading(version, due, now, in_doubt, sure, quiet=self.quiet, possible=others)
        head = self.objects.head(version)
        if head is None:
            unknown = dict.fromkeys(others, State())
            there = self.replicas_left(version, unknown | named, now)
            names = dict.fromkeys([*named, *(fact.destination for fact in there)])
            if unplaced.in_doubt or not names:
                names[""] = None
            return [reading.fact(Kind.DELETED, name) for name in names] + there
        if head.unreadable and listed:
            head = replace(head, replication_status=listed, unreadable=False)
        written_at = _created_at(known) or head.last_modified
        reading = replace(reading, written_at=written_at)
        facts = self._by_head(reading, head)
        if unplaced.in_doubt:
            facts += _whole_version(reading, head, unplaced, facts)
        return facts + (self._missing_replicas(reading, facts) if self.audit else [])

    def replicas_left(
        self, version: ObjectVersion, known: Mapping[str, State], now: Instant
    ) -> list[Fact]:
        """Facts about replicas that the ledger does not have, of a version that is deleted or whose
        source shows nothing of them. A destination whose HEAD is denied stays unknown: such a
        version is not reconciled again."""
        reading = Reading(version, known, now, quiet=self.quiet)
        # A replica that was deleted may have been replicated again.
        names = [name for name, state in known.items() if name and not state.arrived_at]
        heads = self._heads(version, names)
        return [
            reading.from_destination(name, Status.COMPLETED, there=there)
            for name, there in heads.items()
            if there
        ]

    def _by_head(self, reading: Reading, head: Head) -> list[Fact]:
        everywhere = {*reading.known, *reading.possible}
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
            # A Batch Replication job may have replicated it on.
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
        """The status of the only destination. If it FAILED, HEAD shows whether a replica without
        its tags is there."""
        if said is Status.PENDING:
            return [reading.from_source(name, said) for name in reading.known]
        heads = self._heads(reading.version, reading.known)
        if not heads:
            return _failed_somewhere(reading)
        reading = replace(reading, differing=self._differing(reading.version, head, heads))
        return status_facts.of_failed(reading, heads)

    def _heads(self, version: ObjectVersion, names: Iterable[str]) -> Heads:
        """HEAD of the version in each bucket: a replica has the same key and version id. Denied
        ones are left out."""
        found: dict[str, Head | None] = {}
        for name in sorted(names):
            try:
                found[name] = self.objects.head(version.in_bucket(name))
            except Denied as denied:
                self.note(denied)
        return found

    def _differing(self, version: ObjectVersion, head: Head, heads: Heads) -> frozenset[str]:
        """Destinations whose replica has other tags than the source: another number, or, where both
        may be read, other tags. What is unknown counts as equal."""
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
        """Its tags; None: they may not be read, or the version does not exist."""
        try:
            return self.objects.tags(version)
        except Denied as denied:
            self.note(denied)
            return None

    def _missing_replicas(self, reading: Reading, facts: list[Fact]) -> list[Fact]:
        """The audit: replicas that are COMPLETED, and that the destination does not have."""
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
    """Facts about the version as a whole, which end the doubt whether any rule replicates it: its
    destinations are known or in doubt themselves, or HEAD shows that none does."""
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
    """The source is FAILED, and HEAD of every destination is denied."""
    reason = status_facts.SEVERAL_MAY_HAVE_FAILED if len(reading.known) > 1 else None
    names = reading.with_status(Status.FAILED) or list(reading.known)
    return [reading.from_source(name, Status.FAILED, reason) for name in names]
