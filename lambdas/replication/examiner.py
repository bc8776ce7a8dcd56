"""What S3 itself says of a version, as facts. HEAD answers are the last word on what no event told.

The source's header is an aggregate: COMPLETED speaks of every destination, anything else of one
destination only when there is one. Otherwise each destination is asked whether it has the version.

    source gone (404)   the version has ended; a replica nobody told of may have outlived it
    no header           no rule replicates it (any more)
    COMPLETED           every destination has it
    PENDING             one destination: that; several: whoever lacks it, or lacks its tags, is
                        pending; when nobody does, a change is on its way to all of them
    FAILED              one destination: that; several: whoever was said to have failed and lacks
                        it, else all that lack it, else the replica that differs in its tags (S3
                        may not read the source's tags or write the destination's: it says FAILED,
                        sends no event, and leaves a replica without tags)

Which destinations a version has, the ledger knows from the rules it met. Where that is in doubt
(`History.in_doubt`) every destination that a rule could have sent it to is asked as well, and one
that has nothing is no destination of the version just because the header reads COMPLETED.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace

from replication.configuration import History
from replication.errors import Denied
from replication.facts import Evidence, Fact, Kind, ObjectVersion
from replication.fold import State
from replication.ports import Head, Objects
from replication.status import REPLICA, Status
from replication.times import Instant

SEVERAL_MAY_HAVE_FAILED = "S3 says that at least one destination failed, and not which"
WITHOUT_ITS_TAGS = "the replica is there, but S3 reports FAILED: its tags or metadata are missing"
NO_RULE = "S3 shows no replication status: no rule replicates the version"
NO_RULE_SEEN = "S3 reports COMPLETED, and no destination that is known ever had it"
NOT_SENT = "S3 reports COMPLETED, and the destination never had it: no rule sent it there"

Heads = Mapping[str, Head | None]
"""What each destination says, by name; None: it does not have the version."""


def possible(
    history: History | None, version: ObjectVersion, known: Mapping[str, State], now: Instant
) -> tuple[str, ...] | None:
    """Where a version may be due beside what is `known`; None: its destinations are certain."""
    created_at = max((s.created_at for s in known.values() if s.created_at), default=None)
    if history is None or not history.in_doubt(created_at, now):
        return None
    return history.possible(version.key)


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks at versions. `audit` also asks destinations that are said to have a replica."""

    objects: Objects
    audit: bool = False

    def examine(
        self,
        version: ObjectVersion,
        known: Mapping[str, State],
        now: Instant,
        possible: Collection[str] | None = None,
        sure: str | None = None,
    ) -> list[Fact]:
        """Facts about the destinations in `known` and, where its destinations are in doubt, in
        `possible`; None: they are not. `sure` is one that is beyond doubt, because S3 spoke of it.
        Denied or Unavailable when S3 does not say."""
        known = {name: state for name, state in known.items() if name}
        look = _Look(version, known, now, possible is not None, sure)
        head = self.objects.head(version)
        if head is None:
            unheard = dict.fromkeys(possible or (), State())
            there = self.outlived(version, unheard | known, now)
            names = dict.fromkeys([*known, *(fact.destination for fact in there)])
            return [look.fact(Kind.DELETED, name) for name in names] + there
        if head.delete_marker:
            return _marker(look, self._heads(version, {*look.known, *(possible or ())}))
        said = head.replication_status
        if said in (None, REPLICA):
            return [look.observed(name, None, NO_RULE) for name in look.known]
        facts = self._by_header(look, head, Status(str(said)), possible)
        return facts + (self._lost(look, facts) if self.audit else [])

    def outlived(
        self, version: ObjectVersion, known: Mapping[str, State], now: Instant
    ) -> list[Fact]:
        """Replicas of a version that is gone, which arrived before it went without the ledger
        being told. What a destination denies stays unknown: nobody will ask again."""
        look, facts = _Look(version, known, now), []
        for name, state in sorted(known.items()):
            if not name or state.arrived_at or state.lost_at:
                continue
            try:
                there = self._there(version, name)
            except Denied:
                continue
            if there:
                facts.append(look.seen(name, Status.COMPLETED, there=there))
        return facts

    def _by_header(
        self, look: "_Look", head: Head, said: Status, possible: Collection[str] | None
    ) -> list[Fact]:
        alone = len(look.known) == 1 and said is Status.PENDING
        if possible is None and (said is Status.COMPLETED or alone):
            return [look.observed(name, said) for name in look.known]
        heads = self._heads(look.version, {*look.known, *(possible or ())})
        match said:
            case Status.COMPLETED:
                return _completed(look, heads)
            case Status.PENDING:
                return _pending(look, head, heads)
            case Status.FAILED:
                return _failed(look, head, heads)

    def _heads(self, version: ObjectVersion, names: Collection[str]) -> Heads:
        return {name: self._there(version, name) for name in sorted(names)}

    def _there(self, version: ObjectVersion, name: str) -> Head | None:
        """What the bucket `name` has of the version: a replica keeps its key and version id."""
        return self.objects.head(version.in_bucket(name))

    def _lost(self, look: "_Look", facts: list[Fact]) -> list[Fact]:
        """Replicas that S3 calls replicated and the destination does not have (any more)."""
        completed = [fact.destination for fact in facts if fact.status is Status.COMPLETED]
        return [
            look.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION)
            for name in completed
            if not look.state(name).lost_at and self._there(look.version, name) is None
        ]


@dataclass(frozen=True, slots=True)
class _Look:
    """A version, what the ledger says of its destinations, and the moment of looking."""

    version: ObjectVersion
    known: Mapping[str, State]
    now: Instant
    in_doubt: bool = False
    sure: str | None = None

    def state(self, name: str) -> State:
        return self.known.get(name) or State()

    def is_its_own(self, name: str) -> bool:
        """Whether S3 once said, or showed, that the version goes there."""
        state = self.state(name)
        told = state.late or state.status is Status.FAILED or name == self.sure
        return bool(told or state.arrived_at or state.lost_at)

    def observed(
        self,
        name: str,
        status: Status | None,
        detail: str | None = None,
        *,
        there: Head | None = None,
    ) -> Fact:
        """Read from the header of the source; `there` is what the destination has, if asked."""
        return self._read(Evidence.HEAD_SOURCE, name, status, detail, there)

    def seen(
        self,
        name: str,
        status: Status | None,
        detail: str | None = None,
        *,
        there: Head | None = None,
    ) -> Fact:
        """Read from what the destination has."""
        return self._read(Evidence.HEAD_DESTINATION, name, status, detail, there)

    def _read(
        self,
        evidence: Evidence,
        name: str,
        status: Status | None,
        detail: str | None,
        there: Head | None,
    ) -> Fact:
        fact = self.fact(Kind.OBSERVED, name, evidence, status, detail)
        return replace(fact, present=True) if there else fact

    def fact(
        self,
        kind: Kind,
        name: str,
        evidence: Evidence = Evidence.HEAD_SOURCE,
        status: Status | None = None,
        detail: str | None = None,
    ) -> Fact:
        """HEAD has no event id of its own; the moment of looking is one."""
        return Fact(
            kind=kind,
            version=self.version,
            destination=name,
            at=self.now,
            evidence=evidence,
            id=f"head:{self.now}",
            status=status,
            detail=detail,
        )


def _marker(look: _Look, heads: Heads) -> list[Fact]:
    """A marker is where its 405 is. Elsewhere it is pending, unless an event told of a failure,
    which no header can take back; one that was there and is not was deleted there."""
    facts = []
    for name, there in heads.items():
        state = look.state(name)
        if there:
            facts.append(look.seen(name, Status.COMPLETED, there=there))
        elif state.arrived_at:
            facts.append(look.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION))
        elif name in look.known and not state.lost_at and state.status is not Status.FAILED:
            facts.append(look.seen(name, Status.PENDING))
    return facts


def _completed(look: _Look, heads: Heads) -> list[Fact]:
    """With its destinations in doubt: those S3 sent it to all have it, or had it once."""
    facts = []
    for name, there in heads.items():
        if there or look.is_its_own(name):
            facts.append(look.observed(name, Status.COMPLETED, there=there))
        elif name in look.known:
            facts.append(look.seen(name, None, NOT_SENT))
    if not any(fact.status for fact in facts):
        # It went to a bucket that nobody knows of.
        facts.append(look.observed("", Status.COMPLETED, NO_RULE_SEEN))
    return facts


def _pending(look: _Look, head: Head, heads: Heads) -> list[Fact]:
    """Who waits. S3 does not say whether one failure shows while another destination is pending,
    so a failure that an event told stands as long as somebody else is sure to be one that waits."""
    behind = _behind(head, heads)
    waiting = [name for name in behind if name in look.known]
    told = [name for name in waiting if look.state(name).status is Status.FAILED]
    if len(told) < len(waiting) and not look.in_doubt:
        waiting = [name for name in waiting if name not in told]
    else:
        told = []
    # Everybody known has it: an unknown one waits, or a change is on its way.
    waiting = waiting or behind or _with(look, Status.PENDING) or list(look.known)
    return [
        look.observed(name, Status.PENDING, there=there)
        if name in waiting
        else look.seen(name, Status.COMPLETED, there=there)
        for name, there in heads.items()
        if name in waiting or (name not in behind and name not in told)
    ]


def _failed(look: _Look, head: Head, heads: Heads) -> list[Fact]:
    """Who failed, when the source says that somebody did."""
    behind = _behind(head, heads)
    missing = [name for name in behind if heads[name] is None and name in look.known]
    told = [name for name in _with(look, Status.FAILED) if name in behind]
    unknown = [name for name in behind if name not in look.known]
    there = [name for name in behind if heads[name]]
    # A destination that may be none is no culprit as long as another one has less than it should.
    sure = [] if look.in_doubt else missing
    culprits = (
        told
        or sure
        or there
        or missing
        or unknown
        or _with(look, Status.FAILED)
        or _with(look, Status.PENDING)
        or list(look.known)
    )
    facts = []
    for name, here in heads.items():
        if name in culprits:
            reason = WITHOUT_ITS_TAGS if here else None
            if not reason and not told and len(culprits) > 1:
                reason = SEVERAL_MAY_HAVE_FAILED
            facts.append(look.observed(name, Status.FAILED, reason, there=here))
        elif name not in behind:
            facts.append(look.seen(name, Status.COMPLETED, there=here))
        elif name in look.known:
            facts.append(look.seen(name, Status.PENDING, there=here))
    return facts


def _behind(head: Head, heads: Heads) -> list[str]:
    """Destinations without the version, or whose replica differs from it in its tags."""
    return [n for n, there in heads.items() if there is None or there.tag_count != head.tag_count]


def _with(look: _Look, status: Status) -> list[str]:
    return [name for name, state in look.known.items() if state.status is status]
