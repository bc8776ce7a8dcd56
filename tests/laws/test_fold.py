"""The laws of the fold."""

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replication.ledger.assumptions import assumes, holds
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import effect, fold, step, steps
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status, aggregate
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support.strategies import facts, histories


@given(histories(), st.randoms())
def test_order_does_not_matter(history: list[Fact], random: st.DataObject) -> None:
    shuffled = list(history)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert fold(shuffled) == fold(history)


@given(histories(min_size=1), st.data())
def test_duplicates_do_not_matter(history: list[Fact], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(history)))
    assert fold(history + again) == fold(history)


@given(histories(), st.data())
def test_any_split_into_batches_folds_to_the_same_record(
    history: list[Fact], data: st.DataObject
) -> None:
    """As the ledger does it: every batch is merged with the facts that are there already."""
    rest, record = list(history), fold(())
    while rest:
        size = data.draw(st.integers(1, len(rest)))
        batch, rest = rest[:size], rest[size:]
        record = fold((*record.facts, *batch))
    assert record == fold(history)


@given(histories(min_size=1))
def test_an_older_fact_enters_the_history_and_the_newer_one_decides(history: list[Fact]) -> None:
    """The newest fact's own fields stand, whatever older facts turn up."""
    ordered = fold(history).facts
    newest = ordered[-1]
    record, before = fold(history), fold(ordered[:-1])
    assert newest in record.facts
    assumed = assumes(newest)
    if assumed and holds(assumed, before.state):
        for name, value in effect(newest).items():
            assert getattr(record.state, name) == value


@given(histories(), facts())
def test_a_fact_newer_than_all_can_be_written_blindly(history: list[Fact], fact: Fact) -> None:
    """What the ledger relies on: where what the newest fact assumes is true, the fact alone says
    what it does."""
    record = fold(history)
    newer = replace(fact, at=Instant("2026-11-22T00:00:01.000Z"))
    assumed = assumes(newer)
    if assumed and holds(assumed, record.state):
        assert fold((*history, newer)).state == replace(record.state, **effect(newer))


@given(histories())
def test_a_status_always_says_since_when_and_how_it_is_known(history: list[Fact]) -> None:
    state = fold(history).state
    if state.status is not None:
        assert state.since is not None
        assert state.evidence is not None
    else:
        # What is in doubt says since when.
        doubted = any(fact.in_doubt or fact.kind is Kind.POSSIBLE for fact in history)
        assert state.since is None or doubted


@given(histories())
def test_a_failure_code_belongs_to_a_failure_and_a_replica_to_an_arrival(
    history: list[Fact],
) -> None:
    """A failure that S3 tries to make good keeps its code until it is made good."""
    state = fold(history).state
    if state.failure_code:
        assert state.failed_at
    if state.failed_at:
        assert state.status in (Status.FAILED, Status.PENDING)
    assert state.arrived_at is None or state.lost_at is None


@given(histories())
def test_a_request_that_was_not_fulfilled_keeps_its_time(history: list[Fact]) -> None:
    """Whatever changes and whoever looks: a version that never arrived lacks since the first."""
    lacking: Instant | None = None
    for fact, before, after in steps(fold(history)):
        if fact.kind in (Kind.REQUESTED, Kind.POSSIBLE, Kind.INELIGIBLE):
            lacking = after.outstanding_since  # a new version
            continue
        if before.outstanding_since and after.outstanding_since:
            assert after.outstanding_since <= before.outstanding_since
        lacking = after.outstanding_since
    assert lacking == fold(history).state.outstanding_since


def test_a_doubt_that_is_read_twice_is_as_old_as_the_first_read() -> None:
    base = Fact(
        kind=Kind.NOTED,
        version=ObjectVersion("src", "k", "v"),
        destination="dst",
        at=Instant("2026-11-22T00:00:00.000Z"),
        evidence=Evidence.HEAD_SOURCE,
        id="head:1",
        in_doubt=True,
    )
    later = replace(base, at=Instant("2026-11-22T00:05:00.000Z"), id="head:2")
    assert fold([base, later]).state.since == base.at


@pytest.mark.parametrize("status", [None, Status.PENDING])
def test_what_was_read_of_the_time_of_the_write_counts_beside_an_older_event_of_a_change(
    status: Status | None,
) -> None:
    """HEAD came first. The event of a change, which is older, says only that it may go there."""
    written = Instant("2026-11-22T00:00:00.000Z")
    change = Fact(
        kind=Kind.VERDICT,
        version=ObjectVersion("src", "k", "v"),
        destination="dst",
        at=Instant("2026-11-22T01:00:00.000Z"),
        evidence=Evidence.OBJECT_CHANGED,
        id="event",
        in_doubt=True,
    )
    read = replace(
        change,
        kind=Kind.OBSERVED,
        at=Instant("2026-11-22T01:00:00.100Z"),
        evidence=Evidence.HEAD_SOURCE,
        id="head",
        status=status,
        requested_at=written,
    )
    assert fold([read]).state.outstanding_since == written
    assert fold([change, read]).state.outstanding_since == written


@given(histories(), st.data())
def test_a_change_delivered_again_changes_no_byte(history: list[Fact], data: st.DataObject) -> None:
    """Its verdict has the place of its event: what rules and tags say later makes no second one."""
    changes = [fact for fact in history if fact.kind in (Kind.CHANGED, Kind.VERDICT)]
    if changes:
        again = replace(data.draw(st.sampled_from(changes)), status=Status.PENDING)
        known = {fact.order for fact in history}
        assert again.order in known


@given(st.builds(State), facts())
def test_no_fact_makes_a_step_raise(state: State, fact: Fact) -> None:
    assert step(state, fact).observed_at == fact.at


@pytest.mark.parametrize("count", range(1, 6))
def test_the_aggregate_is_the_truth_table_of_s3(count: int) -> None:
    """COMPLETED only if all, FAILED if any, otherwise PENDING, for 1 to 5 destinations."""
    for statuses in product(Status, repeat=count):
        expected = Status.PENDING
        if all(status == "COMPLETED" for status in statuses):
            expected = Status.COMPLETED
        if any(status == "FAILED" for status in statuses):
            expected = Status.FAILED
        assert aggregate(statuses) is expected


def test_no_destination_has_no_status() -> None:
    assert aggregate([]) is None


def test_an_unknown_destination_is_never_counted_as_completed() -> None:
    assert aggregate([Status.COMPLETED, None]) is None
    assert aggregate([Status.PENDING, None]) is Status.PENDING
    assert aggregate([None]) is None
    assert aggregate([Status.FAILED, None]) is Status.FAILED


@given(histories())
def test_a_destination_that_was_ruled_out_has_no_status_and_a_reason(history: list[Fact]) -> None:
    state = fold(history).state
    read_none = [fact for fact in history if fact.kind is Kind.OBSERVED and fact.status is None]
    if state.is_ruled_out:
        assert state.status is None
        kinds = {fact.kind for fact in history}
        assert read_none or kinds & {Kind.INELIGIBLE, Kind.POSSIBLE, Kind.VERDICT}
