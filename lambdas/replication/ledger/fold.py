"""The state of an item is a fold over its facts.

`step(state, fact)` is all that a fact means; `fold` applies it in the order of `Fact.order`. For
the most common facts `effect(fact)` gives the same fields without the state, so the ledger writes
them without a read (`aws/table/ledger.py`), on the condition that `assumptions.assumes` names.

    order and repeats do not matter:     fold(facts) == fold(any permutation, any repetition)
    a write without a read is the same:  step(state, newer) == replace(state, **effect(newer))
                                         where `assumes(newer)` is true of `state`
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, assert_never

from replication.ledger.fact import Fact, Kind
from replication.ledger.state import NULL_VERSION, Record, State
from replication.s3.evidence import EVENTS, Evidence
from replication.s3.status import Status
from replication.s3.version import sequencer_order
from replication.times import Instant

_WRITES = (Kind.INELIGIBLE, Kind.POSSIBLE, Kind.REQUESTED)


def effect(fact: Fact) -> dict[str, Any]:
    """The fields of `State` that a fact sets, None to clear one, if it is the newest and the
    condition that it `assumes` is true."""
    match fact.kind:
        case Kind.ARRIVED:
            fields = _status(Status.COMPLETED, fact) | _recovered() | _said(fact)
            fields |= {"arrived_at": fact.at, "lost_at": None, "in_doubt": None}
        case Kind.REPLICA_DELETED:
            fields = {"arrived_at": None, "lost_at": fact.at}
        case Kind.DELETED:
            # A doubt stays: of what is gone S3 cannot be asked any more.
            fields = {"deleted_at": fact.at, "ended_by": fact.sequencer}
        case _:
            fields = {}
    return fields | {"observed_at": fact.at}


def step(state: State, fact: Fact) -> State:
    """The state after one more fact, which must not be older than the facts before it."""
    fields: dict[str, Any] = {"observed_at": fact.at}
    match fact.kind:
        case Kind.INELIGIBLE | Kind.POSSIBLE | Kind.REQUESTED:
            if not _is_overwritten(state, fact):
                fields |= _written(fact) | _still_ended(state, fact)
        case Kind.DELETED:
            fields |= effect(fact) if _ends(state, fact) else {}
        case Kind.ARRIVED:
            fields |= _arrived(state, fact)
        case Kind.FAILED:
            fields |= _said(fact) | _failed(state, fact) | {"in_doubt": None}
        case Kind.THRESHOLD_MISSED:
            fields |= _missed(state, fact)
        case Kind.VERDICT:
            fields |= _verdict(state, fact)
        case Kind.OBSERVED:
            fields |= _described(state, fact) | _observed(state, fact)
        case Kind.NOTED:
            # An inventory has the version's size and so on, even where its status is unclear.
            if fact.evidence is Evidence.INVENTORY:
                fields |= _described(state, fact)
            if fact.in_doubt and state.evidence is None:
                # A second read of the same doubt does not make it younger.
                began = state.since if state.in_doubt else None
                since = _earliest(began, fact.requested_at or fact.at)
                fields |= {"in_doubt": True, "since": since}
        case Kind.REPLICA_DELETED:
            fields |= effect(fact)
        case Kind.CHANGED:
            pass
        case _:
            assert_never(fact.kind)
    after = replace(state, **fields)
    if fact.kind in _WRITES or not state.outstanding_since or not after.outstanding_since:
        return after
    # As long as the version has not arrived, the time of its first request stays.
    if after.outstanding_since > state.outstanding_since:
        return replace(after, requested_at=state.outstanding_since)
    return after


def fold(facts: Iterable[Fact], base: State | None = None) -> Record:
    """The record of facts in any order, with any repetitions, on top of `base`. Never raises."""
    ordered = tuple(fact for _, fact in sorted({fact.order: fact for fact in facts}.items()))
    state = base or State()
    for fact in ordered:
        state = step(state, fact)
    return Record(state, ordered)


def steps(record: Record, base: State | None = None) -> Iterator[tuple[Fact, State, State]]:
    """Every fact of a record with the state before it and after it, oldest first."""
    state = base or State()
    for fact in record.facts:
        after = step(state, fact)
        yield fact, state, after
        state = after


def _written(fact: Fact) -> dict[str, Any]:
    """A new version replaces what was known of an older one of its name (`null`)."""
    fields: dict[str, Any] = {}
    if fact.kind is Kind.REQUESTED:
        fields = _status(Status.PENDING, fact) | {"requested_at": fact.at, "late": None}
        fields |= _recovered()
        fields |= {"rule_id": fact.rule_id} if fact.rule_id else {}
    elif fact.kind is Kind.POSSIBLE:
        fields = {"status": None, "since": fact.at, "late": None} | _recovered()
    return fields | {
        "created_at": fact.at,
        "size": fact.size,
        "etag": fact.etag,
        "sequencer": fact.sequencer,
        "delete_marker": fact.delete_marker,
        "evidence": fact.evidence,
        "in_doubt": fact.kind is Kind.POSSIBLE or fact.in_doubt,
        "deleted_at": None,
        "ended_by": None,
    }


def _status(status: Status, fact: Fact) -> dict[str, Any]:
    return {"status": status, "since": fact.at, "evidence": fact.evidence, "quiet": fact.quiet}


def _recovered() -> dict[str, Any]:
    return {"failure_code": None, "failed_at": None}


def _said(fact: Fact) -> dict[str, Any]:
    """What an event says beside the status; fields it leaves out stay as they are."""
    said = {
        "rule_id": fact.rule_id,
        "requested_at": fact.requested_at,
        "size": fact.size,
        "late": fact.late,
    }
    return {name: value for name, value in said.items() if value is not None}


def _arrived(state: State, fact: Fact) -> dict[str, Any]:
    fields = effect(fact)
    if state.status is Status.COMPLETED and state.evidence in EVENTS:
        # It arrived before, so the status keeps its time.
        for name in ("status", "since", "evidence", "quiet"):
            del fields[name]
    return fields


def _failed(state: State, fact: Fact) -> dict[str, Any]:
    """A second FAILED with the same reason, or read from a header, which has none, is no new
    failure."""
    read = fact.kind is Kind.OBSERVED and fact.failure_code is None
    if state.status is Status.FAILED and (read or fact.failure_code == state.failure_code):
        return {}
    return _status(Status.FAILED, fact) | {
        "failure_code": fact.failure_code,
        "failed_at": state.failed_at or fact.at,
    }


def _missed(state: State, fact: Fact) -> dict[str, Any]:
    """S3 names this destination, so it is no longer in doubt."""
    fields = {"late": True} | _said(fact) | {"in_doubt": None}
    if state.status is None:
        fields |= _status(Status.PENDING, fact) | {"since": fact.requested_at or fact.at}
    return fields


def _verdict(state: State, fact: Fact) -> dict[str, Any]:
    """A replicated change makes the version PENDING again. Setting the same retention again
    changes nothing."""
    kept: dict[str, Any] = {}
    if fact.retention is not None:
        if fact.retention == state.retention and state.status:
            return {}
        kept = {"retention": fact.retention}
    if state.is_ruled_out or not (fact.in_doubt or fact.status is Status.PENDING):
        return kept
    if not fact.in_doubt:
        return kept | _pending_again(state, fact, fact.at)
    match state.status:
        case None:
            began = state.outstanding_since or fact.at
            return kept | {"in_doubt": True, "since": began, "evidence": fact.evidence}
        case Status.COMPLETED:
            return kept | _pending_again(state, fact, fact.at) | {"in_doubt": True}
        case _:
            return kept


def _pending_again(state: State, fact: Fact, asked_at: Instant | None) -> dict[str, Any]:
    """PENDING. A PENDING or FAILED version keeps the time of its request; otherwise a new request
    begins at `asked_at` (None: unknown)."""
    match state.status:
        case Status.PENDING:
            return {}
        case Status.FAILED:
            return _status(Status.PENDING, fact)
        case _:
            # A version that was in doubt has been waiting since the doubt began, or since it was
            # written: an event of a change, which is older than HEAD, does not tell that time.
            began = _earliest(state.outstanding_since, asked_at)
            fields = {"requested_at": began, "late": None} | _recovered()
            since = {"since": began} if state.outstanding_since else {}
            return _status(Status.PENDING, fact) | fields | since


def _earliest(*times: Instant | None) -> Instant | None:
    """The earliest of those that are known."""
    return min(filter(None, times), default=None)


def _described(state: State, fact: Fact) -> dict[str, Any]:
    """What HEAD or an inventory says of the version itself. It only fills unknown fields: events
    are more exact."""
    said = {
        "created_at": fact.requested_at,
        "size": fact.size,
        "etag": fact.etag,
        "delete_marker": fact.delete_marker,
        "rule_id": fact.rule_id,
    }
    return {
        name: value
        for name, value in said.items()
        if value is not None and getattr(state, name) is None
    }


def _observed(state: State, fact: Fact) -> dict[str, Any]:
    """A status that was read confirms or corrects the present one; it keeps an earlier time."""
    # Who read in doubt had not heard of the event that names the destination.
    in_doubt = None if state.is_named else fact.in_doubt
    there: dict[str, Any] = {"in_doubt": in_doubt}
    if fact.present and state.arrived_at is None:
        there |= {"arrived_at": fact.at, "lost_at": None}
    if fact.status is not None and fact.status == state.status:
        return there
    match fact.status:
        case None if fact.in_doubt and state.is_named:
            return there
        case None:
            since = None
            if fact.in_doubt:
                since = _earliest(state.outstanding_since, fact.requested_at) or fact.at
            ruled_out = {"status": None, "since": since, "evidence": fact.evidence}
            return ruled_out | _recovered() | there
        case Status.PENDING:
            first = state.status is None
            # If it had another status before, the time of the new request is unknown.
            asked_at = (fact.requested_at or fact.at) if first else None
            return _pending_again(state, fact, asked_at) | there
        case Status.FAILED:
            asked = {} if state.status else {"requested_at": fact.requested_at}
            return asked | _failed(state, fact) | there
        case Status.COMPLETED:
            if state.lost_at is None:
                # COMPLETED at the source does not mean that a lost replica is back.
                there |= {"arrived_at": fact.at, "lost_at": None}
            return _status(Status.COMPLETED, fact) | _recovered() | there
        case _:
            assert_never(fact.status)


def _ends(state: State, fact: Fact) -> bool:
    """Whether the deletion came after the last write. Only a `null` version can be written again;
    within one second S3's sequencers decide. Without them it counts as existing, so that it is
    reconciled."""
    if fact.version.version_id != NULL_VERSION or state.created_at is None:
        return True
    if fact.sequencer and state.sequencer:
        return sequencer_order(fact.sequencer) >= sequencer_order(state.sequencer)
    return state.created_at[:19] != fact.at[:19]


def _is_overwritten(state: State, fact: Fact) -> bool:
    """Whether a later write of the `null` version is known already."""
    if fact.version.version_id != NULL_VERSION or not (state.sequencer and fact.sequencer):
        return False
    return sequencer_order(fact.sequencer) < sequencer_order(state.sequencer)


def _still_ended(state: State, fact: Fact) -> dict[str, Any]:
    """A multipart upload has the sequencer of its start: a `null` version whose upload began before
    a deletion and was completed after it does not exist."""
    if fact.version.version_id != NULL_VERSION or not (state.ended_by and fact.sequencer):
        return {}
    if sequencer_order(fact.sequencer) > sequencer_order(state.ended_by):
        return {}
    return {"deleted_at": state.deleted_at, "ended_by": state.ended_by}
