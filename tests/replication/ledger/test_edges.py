"""What histories add up to: no request is forgotten, and edges come in whatever order."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from replication.aws.table.ledger_item import item_of
from replication.aws.table.stream_record import became_failed, read_record
from replication.counters import incident
from replication.counters.counter import BenignKeys, FailureKind, Period, deltas
from replication.counters.period import Level
from replication.ledger.edges import EdgeKind, current_failure, edge_id, edges
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from summarize import incident_life

NOW = Instant("2026-11-22T10:00:00.000Z")
V = ObjectVersion("src", "a/k", "v1")
NULL = ObjectVersion("src", "a/k", "null")
TOLD = Evidence.REPLICATION_EVENT


def at(seconds: float) -> Instant:
    return plus(NOW, seconds)


_EVIDENCE = {
    Kind.FAILED: TOLD,
    Kind.THRESHOLD_MISSED: TOLD,
    Kind.ARRIVED: Evidence.REPLICA_CREATED,
    Kind.OBSERVED: Evidence.HEAD_SOURCE,
    Kind.CHANGED: Evidence.OBJECT_CHANGED,
    Kind.VERDICT: Evidence.OBJECT_CHANGED,
    Kind.DELETED: Evidence.OBJECT_DELETED,
    Kind.REPLICA_DELETED: Evidence.OBJECT_DELETED,
}


def fact(kind: Kind, seconds: float, **more: Any) -> Fact:
    known: dict[str, Any] = {
        "version": V,
        "destination": "dst",
        "evidence": _EVIDENCE.get(kind, Evidence.OBJECT_CREATED),
        "id": f"{kind}-{seconds}",
    }
    return Fact(kind=kind, at=at(seconds), **(known | more))


def retagged(seconds: float) -> list[Fact]:
    """A change that a rule takes."""
    change = {"id": f"tags-{seconds}"}
    return [
        fact(Kind.CHANGED, seconds, **change),
        fact(Kind.VERDICT, seconds, status=Status.PENDING, **change),
    ]


WRITTEN = fact(Kind.REQUESTED, 0)


class TestARequestThatWasNotFulfilled:
    """The watermark must not jump over a version that has not arrived."""

    @pytest.mark.parametrize(
        "before",
        [
            [],
            [fact(Kind.FAILED, 60, requested_at=at(0), failure_code="A")],
            [fact(Kind.THRESHOLD_MISSED, 900, requested_at=at(0))],
        ],
        ids=["pending", "failed", "late"],
    )
    def test_keeps_its_time_when_the_version_is_tagged(self, before: list[Fact]) -> None:
        first = fold([WRITTEN, *before]).state
        then = fold([WRITTEN, *before, *retagged(7200)]).state
        assert then.outstanding_since == first.outstanding_since == NOW
        assert (then.requested_at, then.late, then.failed_at) == (NOW, first.late, first.failed_at)

    def test_keeps_it_when_s3_tries_a_failed_one_again(self) -> None:
        """A Batch Replication job; a HEAD reads PENDING a day later."""
        failed = fact(Kind.FAILED, 60, requested_at=at(0), failure_code="A")
        again = fact(Kind.OBSERVED, 86_400, status=Status.PENDING)
        state = fold([WRITTEN, failed, again]).state
        assert (state.status, state.requested_at, state.outstanding_since) == (
            Status.PENDING,
            NOW,
            NOW,
        )
        assert state.failed_at == at(60), "it has not recovered"

    def test_and_its_latency_counts_from_there(self) -> None:
        """Tagged a second before it arrived, after an hour."""
        record = fold([WRITTEN, *retagged(3599), fact(Kind.ARRIVED, 3600.999)])
        (completed,) = (one for one in edges(record) if one.kind is EdgeKind.COMPLETED)
        assert completed.seconds == 3600.0

    def test_ends_when_it_arrives_and_a_later_change_begins_another(self) -> None:
        state = fold([WRITTEN, fact(Kind.ARRIVED, 5.999), *retagged(7200)]).state
        assert (state.status, state.requested_at, state.outstanding_since) == (
            Status.PENDING,
            at(7200),
            at(7200),
        )

    def test_is_kept_by_facts_in_any_order(self) -> None:
        life = [WRITTEN, fact(Kind.FAILED, 60, failure_code="A"), *retagged(7200)]
        assert {fold(order).state.outstanding_since for order in permutations(life)} == {NOW}


class TestHowLongItTook:
    def seconds(self, *facts: Fact) -> float | None:
        return next(one.seconds for one in edges(fold(facts)) if one.kind is EdgeKind.COMPLETED)

    def test_is_unknown_where_a_read_found_it(self) -> None:
        """It says when somebody looked, not when it arrived."""
        for evidence in (
            Evidence.HEAD_SOURCE,
            Evidence.HEAD_DESTINATION,
            Evidence.INVENTORY,
            Evidence.BATCH_REPORT,
        ):
            seen = fact(Kind.OBSERVED, 3600, status=Status.COMPLETED, evidence=evidence)
            assert self.seconds(WRITTEN, seen) is None

    def test_is_the_middle_of_what_whole_seconds_allow(self) -> None:
        assert self.seconds(WRITTEN, fact(Kind.ARRIVED, 5.999)) == 5.0
        within = self.seconds(WRITTEN, fact(Kind.ARRIVED, 0.999))
        assert within == 0.5
        exact = fact(Kind.REQUESTED, 0.25)
        assert self.seconds(exact, fact(Kind.ARRIVED, 2.5)) == 2.25


# Announcements and counts follow the record, not batching or order.

FAILED_A = fact(Kind.FAILED, 60, requested_at=at(0), failure_code="A")
FAILED_B = fact(Kind.FAILED, 160, requested_at=at(100), failure_code="B")
FAILED_A_AGAIN = fact(Kind.FAILED, 160, id="again", requested_at=at(100), failure_code="A")
ARRIVED = fact(Kind.ARRIVED, 200.999)
TAGGED = retagged(100)


def live(*batches: Sequence[Fact]) -> tuple[int, Counter[str]]:
    """How many failures are announced, and what happened on the day, as the stream tells it."""
    heard: list[Fact] = []
    old, told, counted = None, 0, Counter[str]()
    for number, batch in enumerate(batches):
        heard += batch
        new = item_of(LedgerItem(V, "dst", fold(heard)), 2)
        told += became_failed(old, new)
        images = {"SequenceNumber": str(number), "OldImage": old, "NewImage": new}
        change = read_record({"dynamodb": images})
        for view, amounts in deltas(change.old, change.new, BenignKeys()).items():
            if isinstance(view, Period) and view.level is Level.DAY:
                counted.update({n: v for n, v in amounts.items() if n in tuple(EdgeKind)})
        old = new
    return told, counted


class TestFailuresOneAfterTheOther:
    def test_are_each_announced_and_counted(self) -> None:
        told, counted = live([WRITTEN], [FAILED_A], TAGGED, [FAILED_B], [ARRIVED])
        assert (told, counted) == (2, {"created": 1, "failed": 2, "completed": 1})

    def test_are_counted_the_same_in_any_order(self) -> None:
        pieces = [[WRITTEN], [FAILED_A], TAGGED, [FAILED_B], [ARRIVED]]
        counts = {tuple(sorted(live(*order)[1].items())) for order in permutations(pieces)}
        assert counts == {(("completed", 1), ("created", 1), ("failed", 2))}

    def test_are_announced_when_they_stand_as_they_are_written(self) -> None:
        assert live([WRITTEN], [FAILED_A], [*TAGGED, FAILED_B], [ARRIVED])[0] == 2
        assert live([WRITTEN], [FAILED_A], [FAILED_B], TAGGED, [ARRIVED])[0] == 2
        assert live([WRITTEN], [FAILED_B], [FAILED_A], TAGGED, [ARRIVED])[0] == 1

    def test_are_only_counted_when_they_were_over_before_anybody_heard(self) -> None:
        told, counted = live([WRITTEN, FAILED_A, *TAGGED, FAILED_B, ARRIVED])
        assert (told, counted["failed"]) == (0, 2)
        told, counted = live([WRITTEN], [ARRIVED], TAGGED, [FAILED_B], [FAILED_A])
        assert (told, counted["failed"]) == (0, 2)

    def test_of_the_same_reason_are_one_that_keeps_its_earliest_time(self) -> None:
        told, counted = live([WRITTEN], [FAILED_A], [FAILED_A_AGAIN])
        assert (told, counted["failed"]) == (1, 1)
        assert fold([WRITTEN, FAILED_A, FAILED_A_AGAIN]).state.since == at(60)
        told, counted = live([WRITTEN], [FAILED_A_AGAIN], [FAILED_A])
        assert (told, counted["failed"]) == (1, 1)

    def test_of_the_same_reason_after_it_was_tried_again_are_two(self) -> None:
        told, counted = live([WRITTEN], [FAILED_A], TAGGED, [FAILED_A_AGAIN])
        assert (told, counted["failed"]) == (2, 2)
        told, counted = live([WRITTEN], [FAILED_A], [FAILED_A_AGAIN], TAGGED)
        assert (told, counted["failed"]) == (2, 2)

    def test_a_header_that_gives_no_reason_is_no_other_one(self) -> None:
        seen = fact(Kind.OBSERVED, 3600, status=Status.FAILED)
        told, counted = live([WRITTEN], [FAILED_A], [seen])
        assert (told, counted["failed"]) == (1, 1)
        assert fold([WRITTEN, FAILED_A, seen]).state.failure_code == "A"

    def test_told_twice_is_told_once(self) -> None:
        assert live([WRITTEN], [FAILED_A], [FAILED_A])[0] == 1

    def test_of_a_deleted_version_are_not_announced_again(self) -> None:
        assert live([WRITTEN], [FAILED_A], [fact(Kind.DELETED, 300)])[0] == 1

    @pytest.mark.parametrize("evidence", [Evidence.INVENTORY, Evidence.HEAD_SOURCE])
    def test_that_an_inventory_tells_of_are_old_news(self, evidence: Evidence) -> None:
        """HEADs that it caused, too: neither announced, nor counted in the timeline of today."""
        seen = fact(Kind.OBSERVED, 60, status=Status.FAILED, evidence=evidence, quiet=True)
        told, counted = live([seen])
        assert (told, +counted) == (0, {})

    @pytest.mark.parametrize("kind", [Kind.FAILED, Kind.OBSERVED])
    def test_that_a_batch_report_tells_of_are_news(self, kind: Kind) -> None:
        more: dict[str, Any] = {"failure_code": "A"} if kind is Kind.FAILED else {}
        more |= {"status": Status.FAILED} if kind is Kind.OBSERVED else {}
        told, counted = live([WRITTEN], [fact(kind, 60, evidence=Evidence.BATCH_REPORT, **more)])
        assert (told, counted["failed"]) == (1, 1)

    def test_that_happen_after_an_inventory_told_of_another_are_news(self) -> None:
        seen = fact(
            Kind.OBSERVED, 10, status=Status.FAILED, evidence=Evidence.INVENTORY, quiet=True
        )
        told, counted = live([seen], TAGGED, [FAILED_B])
        assert (told, counted["failed"]) == (1, 1)


class TestTheNameOfAnEdge:
    """A key for repetition: unique for each edge, the same whenever it is told."""

    def name(self, version: ObjectVersion, *facts: Fact, destination: str = "dst") -> str:
        record = fold(facts)
        edge = current_failure(record.state, edges(record))
        assert edge is not None
        return edge_id(version, destination, edge)

    def test_differs_between_versions_that_one_look_found(self) -> None:
        seen = fact(Kind.OBSERVED, 60, status=Status.FAILED, id="head")
        versions = [ObjectVersion("src", f"a/{n}", "v1") for n in range(3)]
        assert len({self.name(one, WRITTEN, seen) for one in versions}) == 3
        assert self.name(V, WRITTEN, seen) != self.name(V, WRITTEN, seen, destination="other")

    def test_differs_between_two_failures_of_one_version(self) -> None:
        first = self.name(V, WRITTEN, FAILED_A)
        assert self.name(V, WRITTEN, FAILED_A, *TAGGED, FAILED_A_AGAIN) != first

    def test_stays_when_more_is_heard_of_the_same_failure(self) -> None:
        first = self.name(V, WRITTEN, FAILED_A)
        later = fact(Kind.OBSERVED, 3600, status=Status.FAILED)
        assert self.name(V, WRITTEN, FAILED_A, FAILED_A_AGAIN, later) == first


class TestAnIncident:
    """What failed is gone, and nothing of its rule arrives any more."""

    TROUBLE = FailureKind("src", "dst", "r", "A", benign=False)

    def opened(self) -> incident.Incident:
        heard = incident_life.KindDigest(1, at(5), at(5))
        counted = {"failing": 1, "failures": 1}
        found = incident_life.after(None, self.TROUBLE, counted, heard, at(6), "id")
        assert found is not None
        return incident_life.with_level_announced(found)

    def test_of_objects_that_are_all_gone_resolves(self) -> None:
        counted = {"failing": 0, "failures": 1}
        later = incident_life.after(
            self.opened(), self.TROUBLE, counted, incident_life.KindDigest(), at(86_400), "x"
        )
        assert later is not None
        assert (later.state, later.failing) == ("resolved", 0)

    def test_waits_for_the_arrival_of_what_is_tried_again(self) -> None:
        counted = {"failing": 0, "retrying": 1, "failures": 1}
        later = incident_life.after(
            self.opened(), self.TROUBLE, counted, incident_life.KindDigest(), at(86_400), "x"
        )
        assert later is not None
        assert later.state == "open"

    def test_counts_a_failed_version_that_was_tagged_as_tried_again(self) -> None:
        new = item_of(LedgerItem(V, "dst", fold([WRITTEN, FAILED_A, *TAGGED])), 2)
        change = read_record({"dynamodb": {"SequenceNumber": "1", "NewImage": new}})
        (found,) = (
            amounts
            for view, amounts in deltas(None, change.new, BenignKeys()).items()
            if isinstance(view, FailureKind)
        )
        assert (found["failing"], found["retrying"]) == (0, 1)


class TestEndsThatComeFirst:
    def test_a_replica_that_was_deleted_before_its_arrival_was_heard_of_is_gone(self) -> None:
        life = [WRITTEN, fact(Kind.ARRIVED, 1.999), fact(Kind.REPLICA_DELETED, 60.999)]
        for order in permutations([*life, fact(Kind.DELETED, 90.999)]):
            state = fold(order).state
            assert (state.status, state.arrived_at, state.lost_at, state.deleted_at) == (
                Status.COMPLETED,
                None,
                at(60.999),
                at(90.999),
            )

    def test_an_end_alone_makes_no_destination(self) -> None:
        assert fold([fact(Kind.DELETED, 5)]).state.is_only_an_end
        assert not fold([WRITTEN, fact(Kind.DELETED, 5)]).state.is_only_an_end
        assert edges(fold([fact(Kind.DELETED, 5)])) == ()


class TestANullVersion:
    """Written without versioning: the one version that can come again."""

    def state(self, *facts: Fact) -> State:
        (state,) = {fold(order).state for order in permutations(facts)}
        return state

    def event(self, kind: Kind, seconds: float, sequencer: str | None = None) -> Fact:
        return fact(kind, seconds, version=NULL, sequencer=sequencer)

    @pytest.mark.parametrize("kind", [Kind.INELIGIBLE, Kind.REQUESTED, Kind.POSSIBLE])
    def test_that_is_written_again_lives(self, kind: Kind) -> None:
        state = self.state(self.event(kind, 0), self.event(Kind.DELETED, 10), self.event(kind, 20))
        assert (state.deleted_at, state.created_at) == (None, at(20))
        assert "expires_at" not in item_of(
            LedgerItem(
                NULL,
                "dst",
                fold([self.event(kind, 0), self.event(Kind.DELETED, 10), self.event(kind, 20)]),
            ),
            2,
        )

    @pytest.mark.parametrize("kind", [Kind.INELIGIBLE, Kind.REQUESTED])
    @pytest.mark.parametrize(
        ("written", "deleted", "lives"),
        [
            ("0055AED6DCD90281E5", "0055AED6DCD90281E6", False),
            ("0055AED6DCD90281E6", "0055AED6DCD90281E5", True),
            ("0055AED6DCD9028", "0055AED6DCD90281E5", False),
            ("0055aed6dcd90281e6", "0055AED6DCD90281E5", True),
        ],
    )
    def test_within_a_second_lives_if_its_sequencer_is_the_higher_one(
        self, kind: Kind, written: str, deleted: str, lives: bool
    ) -> None:
        """Upper-case texts that S3 pads with zeros on the right; EventBridge cuts the times."""
        state = self.state(self.event(kind, 5, written), self.event(Kind.DELETED, 5.999, deleted))
        assert (state.deleted_at is None) is lives

    @pytest.mark.parametrize("ids", [("a", "b"), ("b", "a"), ("c", "d"), ("d", "c")])
    def test_deleted_and_written_again_within_a_second_lives_as_it_was_written_last(
        self, ids: tuple[str, str]
    ) -> None:
        first, last = (
            replace(self.event(Kind.REQUESTED, 5, sequencer), id=name, size=size)
            for name, sequencer, size in zip(ids, ("0055AE10", "0055AE30"), (1, 3), strict=True)
        )
        state = self.state(first, self.event(Kind.DELETED, 5.999, "0055AE20"), last)
        assert (state.deleted_at, state.size) == (None, 3)

    def test_of_one_second_without_sequencers_is_taken_to_live(self) -> None:
        """Reconciliation looks at what lives."""
        state = self.state(self.event(Kind.REQUESTED, 5), self.event(Kind.DELETED, 5.999))
        assert state.deleted_at is None
        later = self.state(self.event(Kind.REQUESTED, 5), self.event(Kind.DELETED, 6.999))
        assert later.deleted_at == at(6.999)

    def test_of_an_upload_that_began_before_a_deletion_it_was_completed_after_is_gone(
        self,
    ) -> None:
        """A multipart's sequencer is that of its start."""
        state = self.state(
            self.event(Kind.REQUESTED, 0, "0055AE10"),
            self.event(Kind.DELETED, 60, "0055AE70"),
            self.event(Kind.REQUESTED, 90, "0055AE50"),
        )
        assert state.deleted_at == at(60)

    def test_and_one_that_began_after_it_lives(self) -> None:
        state = self.state(
            self.event(Kind.REQUESTED, 0, "0055AE10"),
            self.event(Kind.DELETED, 60, "0055AE70"),
            self.event(Kind.REQUESTED, 90, "0055AE80"),
        )
        assert state.deleted_at is None

    def test_a_version_with_an_id_ends_for_good(self) -> None:
        states = {
            fold(order).state.deleted_at
            for order in permutations([WRITTEN, fact(Kind.DELETED, 5), fact(Kind.ARRIVED, 9)])
        }
        assert states == {at(5)}
