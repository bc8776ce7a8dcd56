"""State is a fold over facts.

`effect(fact)` names the fields a fact sets, from the fact alone. That one function is the whole
meaning of a fact: the fold applies it in order, and the ledger writes the same fields without
reading first when the fact is newer than everything known (`adapters/dynamodb.py`). The few facts
whose meaning depends on the state are told apart by `needs_state`.

    order and duplicates do not matter:  fold(facts) == fold(any permutation, any repetition)
    in order, blind equals folded:       fold([*facts, newer]).state ==
                                         replace(fold(facts).state, **effect(newer))
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, assert_never

from replication.facts import Evidence, Fact, Kind
from replication.status import Status
from replication.times import Instant

Effect = Mapping[str, Any]
"""Fields of `State` a fact sets; None clears the field."""


@dataclass(frozen=True, slots=True)
class State:
    """What is known of one object version at one destination; None is unknown.

    `since` is when `status` began, `requested_at` when the replication it speaks of was asked for
    (the write, or the latest change), `observed_at` the time of the latest fact. `arrived_at`
    says that the destination holds a replica; `lost_at` that it was deleted there afterwards.
    """

    status: Status | None = None
    since: Instant | None = None
    evidence: Evidence | None = None
    rule_id: str | None = None
    requested_at: Instant | None = None
    observed_at: Instant | None = None
    failure_code: str | None = None
    late: bool | None = None
    created_at: Instant | None = None
    size: int | None = None
    etag: str | None = None
    sequencer: str | None = None
    delete_marker: bool | None = None
    arrived_at: Instant | None = None
    lost_at: Instant | None = None
    deleted_at: Instant | None = None

    @property
    def is_ruled_out(self) -> bool:
        """Whether S3 showed that no rule replicates the version there: its status was read, and
        there is none. A status nobody has read is unknown instead."""
        return self.status is None and self.evidence is not None


@dataclass(frozen=True, slots=True)
class Record:
    """A state and the facts it follows from, in order."""

    state: State = field(default_factory=State)
    facts: tuple[Fact, ...] = ()


def needs_state(fact: Fact) -> bool:
    """Whether the fact's effect can only be told from the state it meets."""
    return fact.kind is Kind.OBSERVED or _describes(fact)


def effect(fact: Fact) -> dict[str, Any]:
    """The fields `fact` sets when it is the newest and `needs_state` is false."""
    match fact.kind:
        case Kind.INELIGIBLE:
            fields = _created(fact)
        case Kind.REQUESTED:
            fields = _created(fact) | _pending(fact, fact.at) | {"deleted_at": None}
        case Kind.CHANGED:
            fields = _pending(fact, fact.at)
        case Kind.THRESHOLD_MISSED:
            fields = {"late": True} | _told(fact)
        case Kind.FAILED:
            fields = _status(Status.FAILED, fact) | _told(fact)
            fields["failure_code"] = fact.failure_code
        case Kind.ARRIVED:
            fields = _status(Status.COMPLETED, fact) | _told(fact)
            fields |= {"arrived_at": fact.at, "lost_at": None}
        case Kind.REPLICA_DELETED:
            fields = {"arrived_at": None, "lost_at": fact.at}
        case Kind.DELETED:
            fields = {"deleted_at": fact.at}
        case Kind.NOTED | Kind.OBSERVED:
            fields = {}
        case _:
            assert_never(fact.kind)
    return fields | {"observed_at": fact.at}


def step(state: State, fact: Fact) -> State:
    """The state after one more fact, which must not be older than those behind `state`."""
    fields = effect(fact)
    if fact.kind is Kind.OBSERVED:
        fields |= _described(state, fact) | _observed(state, fact)
    elif _describes(fact):
        fields |= _described(state, fact)
    elif fact.kind is Kind.THRESHOLD_MISSED and state.status is None:
        # Nothing else is known of it, but S3 says that it is on its way.
        fields |= _status(Status.PENDING, fact) | {"since": fact.requested_at or fact.at}
    return replace(state, **fields)


def fold(facts: Iterable[Fact], base: State | None = None) -> Record:
    """The record of facts given in any order and any number of times. Never raises."""
    ordered = tuple(fact for _, fact in sorted({fact.order: fact for fact in facts}.items()))
    state = base or State()
    for fact in ordered:
        state = step(state, fact)
    return Record(state, ordered)


def _created(fact: Fact) -> dict[str, Any]:
    return {
        "created_at": fact.at,
        "size": fact.size,
        "etag": fact.etag,
        "sequencer": fact.sequencer,
        "delete_marker": fact.delete_marker,
        "evidence": fact.evidence,
    }


def _status(status: Status, fact: Fact) -> dict[str, Any]:
    return {
        "status": status,
        "since": fact.at,
        "evidence": fact.evidence,
        "failure_code": None,
    }


def _pending(fact: Fact, requested_at: Instant) -> dict[str, Any]:
    fields = _status(Status.PENDING, fact) | {"requested_at": requested_at, "late": None}
    return fields | ({"rule_id": fact.rule_id} if fact.rule_id else {})


def _told(fact: Fact) -> dict[str, Any]:
    """What a replication event tells beside the outcome; what it leaves out stays as it was."""
    told = {
        "rule_id": fact.rule_id,
        "requested_at": fact.requested_at,
        "size": fact.size,
        "late": fact.late,
    }
    return {name: value for name, value in told.items() if value is not None}


def _describes(fact: Fact) -> bool:
    """An inventory tells what a version is even where it cannot tell how it fared."""
    return fact.kind is Kind.NOTED and fact.evidence is Evidence.INVENTORY


def _described(state: State, fact: Fact) -> dict[str, Any]:
    """What a list of objects says of the version itself. It fills what is unknown and no more: an
    event knows better when the version was written, and how."""
    told = {
        "created_at": fact.requested_at,
        "size": fact.size,
        "etag": fact.etag,
        "delete_marker": fact.delete_marker,
        "rule_id": fact.rule_id,
    }
    return {
        name: value
        for name, value in told.items()
        if value is not None and getattr(state, name) is None
    }


def _observed(state: State, fact: Fact) -> dict[str, Any]:
    """A status that was read: it confirms what is known or corrects it, and dates nothing back."""
    there: dict[str, Any] = {}
    if fact.present and state.arrived_at is None:
        there = {"arrived_at": fact.at, "lost_at": None}
    if fact.status is not None and fact.status == state.status:
        return there
    match fact.status:
        case None:
            return {"status": None, "since": None, "evidence": fact.evidence, "failure_code": None}
        case Status.PENDING:
            # Of one that had a status before, nobody knows when it was asked for again.
            first = state.status is None
            return _pending(fact, (fact.requested_at if first else None) or fact.at) | there
        case Status.FAILED:
            return _status(Status.FAILED, fact) | {"failure_code": fact.failure_code} | there
        case Status.COMPLETED:
            if state.lost_at is None:
                # A source that reads COMPLETED does not say that the replica is still there.
                there = {"arrived_at": fact.at, "lost_at": None}
            return _status(Status.COMPLETED, fact) | there
        case _:
            assert_never(fact.status)
