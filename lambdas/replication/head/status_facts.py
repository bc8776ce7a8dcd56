"""What the headers of a version and of its copies add up to, as facts. Pure.

The source's header is an aggregate: COMPLETED speaks of every destination S3 sent the version to,
PENDING and FAILED of at least one. A destination in doubt is credited with nothing it does not
show itself.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, seconds_between

SEVERAL_MAY_HAVE_FAILED = "S3 says that at least one destination failed, and not which"
WITHOUT_ITS_TAGS = "the replica is there, but S3 reports FAILED: its tags or metadata are missing"
NO_RULE = "S3 shows no replication status: no rule replicates the version"
NO_RULE_SEEN = "S3 reports COMPLETED, and no destination that is known has it"
NOT_SENT = "S3 reports COMPLETED, and the destination does not have it, nor is known to have had it"
IS_REPLICA = "the version is a replica itself, which no live rule replicates"
PLACED = "where it goes, or may go, is known of its destinations"
REFUSED = "S3 may not be asked whether the destination has it"
SENT_ELSEWHERE = "S3 shows a status of the version, and it did not come here in a day"

DOUBT_SECONDS = 86_400.0
"""Of a marker no header ever tells where it goes, and beside a failure none tells who else is due.
A doubt of that kind ends after a day: by then the rules of the version's time decide."""

Heads = Mapping[str, Head | None]
"""What each destination says that could be asked, by name; None: it does not have the version."""


@dataclass(frozen=True, slots=True)
class Reading:
    """A version, what the ledger says of its destinations, and the moment of looking. `all_doubt`:
    the rules it met are in doubt, and all its destinations with them. `sure`: a destination that
    S3 spoke of. `differing`: those whose replica has other tags. `quiet`: because of an inventory.
    `written_at`: a destination that nobody knew lacks the version since then.
    """

    version: ObjectVersion
    known: Mapping[str, State]
    now: Instant
    all_in_doubt: bool = False
    sure: str | None = None
    differing: Collection[str] = field(default_factory=frozenset)
    quiet: bool = False
    written_at: Instant | None = None

    def state(self, name: str) -> State:
        return self.known.get(name) or State()

    def is_destination(self, name: str) -> bool:
        """Whether S3 once said, or showed, that the version goes there."""
        state = self.state(name)
        # A failure in doubt was read from the header of all, and not said of this one.
        failed = state.status is Status.FAILED and not state.in_doubt
        spoken_of = state.late or failed or name == self.sure
        return bool(spoken_of or state.arrived_at or state.lost_at)

    def is_doubtful(self, name: str) -> bool:
        if self.is_destination(name):
            return False
        state = self.state(name)
        # Something was heard of it, and nothing that says that it is a destination.
        says_nothing = not state.status and not state.evidence and state.observed_at
        unsure = state.in_doubt or says_nothing or name not in self.known
        return self.all_in_doubt or bool(unsure)

    def put_in_doubt(self, name: str) -> list[Fact]:
        """A destination that lacks the version, and may have been sent it: in doubt from now on,
        as what it is."""
        status = self.state(name).status
        return (
            [] if status is Status.FAILED else [self.from_destination(name, status, in_doubt=True)]
        )

    def end_doubt(self, name: str) -> list[Fact]:
        """What becomes of a doubt that nothing else can end, once it is a day old: what the rules
        took there still waits, what they only may have taken there was not sent."""
        state = self.state(name)
        if seconds_between(state.outstanding_since or self.now, self.now) < DOUBT_SECONDS:
            return []
        if state.status is Status.PENDING:
            return [self.from_destination(name, Status.PENDING)]
        return [self.from_destination(name, None, SENT_ELSEWHERE)]

    def denied(self, heads: Heads) -> list[str]:
        """Destinations that refuse to be asked, those that are certain first."""
        refused = [name for name in self.known if name not in heads]
        return [name for name in refused if not self.is_doubtful(name)] or refused

    def doubt_of_denied(self, names: Collection[str], facts: Collection[Fact]) -> list[Fact]:
        """Destinations that refuse to be asked, and of which nothing is known: in doubt, so that
        they are asked again."""
        told = {fact.destination for fact in facts}
        return [
            self.from_destination(name, None, REFUSED, in_doubt=True)
            for name in names
            if name not in told and self.state(name).evidence is None
        ]

    def behind(self, heads: Heads) -> list[str]:
        """Destinations without the version, or whose replica differs from it in its tags."""
        return [name for name, there in heads.items() if there is None or name in self.differing]

    def is_alone(self, names: Collection[str], heads: Heads) -> bool:
        """Whether nobody but the one of `names` can be meant by what the header says."""
        (name, *others) = names
        known = name in self.known and not others
        return known and (not self.all_in_doubt or set(heads) == {name})

    def deleted_replicas(self, heads: Heads) -> list[Fact]:
        """Replicas that were there and are not: deleted at the destination."""
        return [
            self.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION)
            for name, there in heads.items()
            if there is None and self.state(name).arrived_at
        ]

    def with_status(self, status: Status) -> list[str]:
        return [name for name, state in self.known.items() if state.status is status]

    def from_source(
        self,
        name: str,
        status: Status | None,
        detail: str | None = None,
        *,
        there: Head | None = None,
        in_doubt: bool = False,
    ) -> Fact:
        """Read from the header of the source; `there` is what the destination has, if asked."""
        fact = self.fact(Kind.OBSERVED, name, Evidence.HEAD_SOURCE, status, detail)
        return replace(
            fact,
            present=True if there else None,
            in_doubt=in_doubt or None,
            requested_at=None if self.state(name).outstanding_since else self.written_at,
        )

    def from_destination(
        self,
        name: str,
        status: Status | None,
        detail: str | None = None,
        *,
        there: Head | None = None,
        in_doubt: bool = False,
    ) -> Fact:
        """Read from what the destination has."""
        fact = self.from_source(name, status, detail, there=there, in_doubt=in_doubt)
        return replace(fact, evidence=Evidence.HEAD_DESTINATION)

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
            quiet=self.quiet or None,
        )


def of_marker(reading: Reading, heads: Heads) -> list[Fact]:
    """A marker is where its 405 is. Elsewhere it is pending, unless an event told of a failure,
    which no header can take back; one that was there and is not was deleted there."""
    facts = []
    for name, there in heads.items():
        state = reading.state(name)
        if there:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif state.arrived_at:
            facts.append(reading.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION))
        elif name not in reading.known or state.lost_at or state.status is Status.FAILED:
            continue
        elif not reading.is_doubtful(name):
            facts.append(reading.from_destination(name, Status.PENDING))
        else:
            facts += reading.end_doubt(name)
    return facts


def of_unreadable(reading: Reading, heads: Heads) -> list[Fact]:
    """Nobody but the owner of its key can read the source's status. That a destination has the
    version it was sent is proof of its arrival all the same. More is not known: not how a change
    fared of what had arrived before, nor where it goes when the rules are in doubt."""
    facts = []
    for name, there in heads.items():
        state = reading.state(name)
        if there and not state.arrived_at and state.status is not Status.COMPLETED:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif there is None and reading.all_in_doubt and not reading.is_destination(name):
            facts += reading.put_in_doubt(name)
    return facts


def of_completed(reading: Reading, heads: Heads) -> list[Fact]:
    """The destinations S3 sent it to all have it, or had it once. `heads` are those in doubt."""
    facts = []
    for name in dict.fromkeys([*reading.known, *heads]):
        if not reading.is_doubtful(name):
            facts.append(reading.from_source(name, Status.COMPLETED, there=heads.get(name)))
        elif name in heads and (there := heads[name]):
            facts.append(reading.from_source(name, Status.COMPLETED, there=there))
        elif name in heads and name in reading.known:
            facts.append(reading.from_destination(name, None, NOT_SENT))
    asked = all(name in heads for name in reading.known if reading.is_doubtful(name))
    if asked and not any(fact.status for fact in facts):
        # It went to a bucket that nobody knows of.
        facts.append(reading.from_source("", Status.COMPLETED, NO_RULE_SEEN))
    return facts


def of_pending(reading: Reading, heads: Heads) -> list[Fact]:
    """Who waits. S3 does not say whether one failure shows while another destination is pending,
    so a failure that an event told stands as long as somebody else is sure to be one that waits."""
    behind = reading.behind(heads)
    waiting = [name for name in behind if name in reading.known]
    if sure := [name for name in waiting if not reading.is_doubtful(name)]:
        waiting = sure
    told = [name for name in waiting if reading.state(name).status is Status.FAILED]
    if len(told) < len(waiting) and not reading.all_in_doubt:
        waiting = [name for name in waiting if name not in told]
    else:
        told = []
    # Everybody known has it: an unknown one waits, or a change is on its way.
    waiting = waiting or behind or reading.denied(heads) or reading.with_status(Status.PENDING)
    waiting = waiting or list(reading.known) or list(heads)
    facts = []
    for name, there in heads.items():
        if name in waiting:
            # Of several that may wait nobody knows which, and of a rule that nobody saw neither.
            alone = reading.is_alone(waiting, heads)
            doubtful = there is None and reading.is_doubtful(name) and not alone
            facts.append(reading.from_source(name, Status.PENDING, there=there, in_doubt=doubtful))
        elif name not in behind and name not in told:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=there))
        elif there is None and name not in reading.known:
            facts += reading.put_in_doubt(name)
    return facts + reading.deleted_replicas(heads)


def of_failed(reading: Reading, heads: Heads) -> list[Fact]:
    """Who failed, when the source says that somebody did."""
    behind = reading.behind(heads)
    missing = [name for name in behind if heads[name] is None and name in reading.known]
    told = [name for name in reading.with_status(Status.FAILED) if name in behind]
    unknown = [name for name in behind if name not in reading.known]
    there = [name for name in behind if heads[name]]
    # A destination that may be none is no culprit as long as another one has less than it should.
    sure = [name for name in missing if not reading.is_doubtful(name)]
    culprits = (
        (told and [*told, *there])
        or sure
        or there
        # Who is known to have failed does not recover because another one may be due.
        or [name for name in reading.with_status(Status.FAILED) if not reading.state(name).in_doubt]
        or missing
        or unknown
        or reading.with_status(Status.FAILED)
        or reading.denied(heads)
        or reading.with_status(Status.PENDING)
        or list(reading.known)
        or list(heads)
    )
    facts = []
    # Who refuses to be asked is a culprit when everybody else is well.
    for name in dict.fromkeys([*heads, *culprits]):
        here = heads.get(name)
        if name in culprits:
            reason = WITHOUT_ITS_TAGS if here and (name in behind or len(heads) == 1) else None
            if not reason and not told and len(culprits) > 1:
                reason = SEVERAL_MAY_HAVE_FAILED
            alone = reading.is_alone(culprits, heads)
            doubtful = here is None and reading.is_doubtful(name) and not alone
            facts.append(
                reading.from_source(name, Status.FAILED, reason, there=here, in_doubt=doubtful)
            )
        elif name not in behind:
            facts.append(reading.from_destination(name, Status.COMPLETED, there=here))
        elif name in reading.known and not reading.is_doubtful(name):
            facts.append(reading.from_destination(name, Status.PENDING, there=here))
        elif name in reading.known:
            facts += reading.end_doubt(name)
        elif here is None:
            facts += reading.put_in_doubt(name)
    return facts + reading.deleted_replicas(heads)
