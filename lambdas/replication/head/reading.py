"""One reading of a version, and the facts that it makes of single destinations."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, seconds_between

REFUSED = "S3 may not be asked whether the destination has it"
SENT_ELSEWHERE = "S3 shows a status of the version, and it did not come here in a day"
"""Details of facts, for a person; so are those of `status_facts`."""

DOUBT_SECONDS = 86_400.0
"""HEAD never shows where a delete marker goes, nor, beside a failure, which other destination the
version goes to. Such a doubt ends after a day, as the rules say."""

Heads = Mapping[str, Head | None]
"""HEAD of each destination, by name; None: it does not have the version. Denied ones are absent."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One reading of a version: what the ledger knows of it before HEAD."""

    version: ObjectVersion
    known: Mapping[str, State]
    """State by destination."""
    now: Instant
    all_in_doubt: bool = False
    """The rules that apply are in doubt, and so is every destination."""
    sure: str | None = None
    """A destination that S3 named in an event."""
    differing: Collection[str] = field(default_factory=frozenset)
    """Destinations whose replica has other tags than the source."""
    quiet: bool = False
    """Due to an inventory: its facts are not counted or announced."""
    written_at: Instant | None = None
    """When the version was written."""
    possible: Collection[str] = ()
    """Further destinations, where the rules that apply are in doubt."""

    def state(self, name: str) -> State:
        """The state at a destination, empty if it is not known."""
        return self.known.get(name) or State()

    def is_destination(self, name: str) -> bool:
        """Whether an event, or a replica, has shown that the version goes there."""
        state = self.state(name)
        # A failure in doubt was read at the source, and may be that of another destination.
        failed = state.status is Status.FAILED and not state.in_doubt
        named = state.is_named or failed or name == self.sure
        return bool(named or state.arrived_at or state.lost_at)

    def is_doubtful(self, name: str) -> bool:
        """Whether it is not certain that the version goes there."""
        if self.is_destination(name):
            return False
        state = self.state(name)
        # There are facts about it, and none shows that it is a destination.
        says_nothing = not state.status and not state.evidence and state.observed_at
        unsure = state.in_doubt or says_nothing or name not in self.known
        return self.all_in_doubt or bool(unsure)

    def put_in_doubt(self, name: str) -> list[Fact]:
        """A destination without the version, which may go there: in doubt, with the status it has.
        A failure stays as it is."""
        status = self.state(name).status
        if status is Status.FAILED:
            return []
        return [self.from_destination(name, status, in_doubt=True)]

    def end_doubt(self, name: str) -> list[Fact]:
        """Ends a doubt that is a day old and that HEAD cannot end: PENDING if the rules send the
        version there, no status if they only might have."""
        state = self.state(name)
        if seconds_between(state.outstanding_since or self.now, self.now) < DOUBT_SECONDS:
            return []
        if state.status is Status.PENDING:
            return [self.from_destination(name, Status.PENDING)]
        return [self.from_destination(name, None, SENT_ELSEWHERE)]

    def denied(self, heads: Heads) -> list[str]:
        """Destinations whose HEAD is denied: the certain ones, or if there are none, all."""
        asked = dict.fromkeys([*self.known, *self.possible])
        refused = [name for name in asked if name not in heads]
        return [name for name in refused if not self.is_doubtful(name)] or refused

    def doubt_of_denied(self, names: Collection[str], facts: Collection[Fact]) -> list[Fact]:
        """S3 denied the question for `names`: puts those in doubt of which nothing is known, so
        they are reconciled again; while the rules are in doubt, also those that only rules name."""
        with_fact = {fact.destination for fact in facts}
        unread = [(name, self.state(name)) for name in names if name not in with_fact]
        return [
            self.from_destination(name, state.status, REFUSED, in_doubt=True)
            for name, state in unread
            if state.evidence is None
            or (self.all_in_doubt and not state.in_doubt and self.is_doubtful(name))
        ]

    def behind(self, heads: Heads) -> list[str]:
        """Destinations without the version, or with a replica that has other tags."""
        return [name for name, there in heads.items() if there is None or name in self.differing]

    def is_alone(self, name: str) -> bool:
        """Whether the status of the source can be about no other destination. One that has the
        version counts too: S3 shows the same status for a change that is not there yet."""
        return name in self.known and {*self.known, *self.possible} == {name}

    def deleted_replicas(self, heads: Heads) -> list[Fact]:
        """Replicas that had arrived and do not exist any more."""
        return [
            self.fact(Kind.REPLICA_DELETED, name, Evidence.HEAD_DESTINATION)
            for name, there in heads.items()
            if there is None and self.state(name).arrived_at
        ]

    def failed_by_event(self) -> list[str]:
        """Destinations that S3 itself named as FAILED."""
        return [name for name, state in self.known.items() if state.is_failed_by_name]

    def guessed_failures(self) -> list[str]:
        """Destinations in doubt that are FAILED because the source was, and no other one lacked the
        version."""
        by_event = self.failed_by_event()
        failed = self.with_status(Status.FAILED)
        return [name for name in failed if self.is_doubtful(name) and name not in by_event]

    def with_status(self, status: Status) -> list[str]:
        """Destinations that have this status so far."""
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
        """A status read at the source; `there` is HEAD of the destination, if it was read."""
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
        """A status read at the destination."""
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
        """A fact of this reading. HEAD has no event id, so its time is the id."""
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
