"""What a list of existing objects adds to what events said."""

from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus

T = Instant("2026-11-22T10:00:00.000Z")
VERSION = ObjectVersion("src", "a/k", "v1")


def fact(kind: Kind, seconds: float, evidence: Evidence, **more: object) -> Fact:
    return Fact(kind, VERSION, "dst", plus(T, seconds), evidence, f"{kind}{seconds}", **more)  # type: ignore[arg-type]


REQUESTED = fact(Kind.REQUESTED, 0, Evidence.OBJECT_CREATED, size=1, etag="event", rule_id="r")


def seen(status: Status, seconds: float = 60) -> Fact:
    return fact(
        Kind.OBSERVED,
        seconds,
        Evidence.INVENTORY,
        status=status,
        size=2,
        etag="list",
        rule_id="s",
        requested_at=plus(T, -5),
    )


def test_a_list_fills_what_is_unknown_and_changes_nothing_that_is_known() -> None:
    state = fold([REQUESTED, seen(Status.PENDING)]).state
    assert (state.size, state.etag, state.rule_id, state.created_at) == (1, "event", "r", T)
    alone = fold([seen(Status.PENDING)]).state
    assert (alone.size, alone.etag, alone.rule_id) == (2, "list", "s")
    assert alone.created_at == alone.requested_at == plus(T, -5)


def test_an_event_that_comes_later_knows_better() -> None:
    assert fold([seen(Status.PENDING, -1), REQUESTED]).state.etag == "event"


def test_a_newer_list_corrects_and_an_older_one_does_not() -> None:
    arrived = fact(Kind.ARRIVED, 30, Evidence.REPLICA_CREATED)
    assert fold([REQUESTED, arrived, seen(Status.PENDING, 10)]).state.status is Status.COMPLETED
    corrected = fold([REQUESTED, arrived, seen(Status.FAILED, 60)]).state
    assert (corrected.status, corrected.evidence) == (Status.FAILED, Evidence.INVENTORY)


def test_when_one_that_is_pending_again_was_asked_for_nobody_knows() -> None:
    """Neither when it was written, years ago, nor when somebody looked."""
    arrived = fact(Kind.ARRIVED, 30, Evidence.REPLICA_CREATED)
    state = fold([REQUESTED, arrived, seen(Status.PENDING)]).state
    assert (state.requested_at, state.outstanding_since) == (None, plus(T, 60))


def test_a_note_of_an_event_describes_nothing() -> None:
    note = fact(Kind.NOTED, 1, Evidence.REPLICATION_EVENT, size=9)
    assert fold([note]).state == State(observed_at=plus(T, 1))
