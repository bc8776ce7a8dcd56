"""How far the queue was heard, what is given back, and when a batch must end."""

import time
from dataclasses import dataclass, field
from threading import Event as Signal
from typing import Any

import pytest

from record import recorder
from record.recorder import READS_A_BATCH, RESERVE_SECONDS
from replication.errors import NotYet, Reason, Rejected, Unavailable
from replication.head.port import Head
from replication.s3.events import ConfigurationChanged, Event, Operation
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.record.world import (
    NOW,
    REPLICA_HEAD,
    World,
    created,
    deleted,
    replicated,
    version,
)
from tests.support.fakes import MemoryObjects, history, rule

REFRESH = ConfigurationChanged(None, NOW, "scheduled")
TAGGED = rule("dst", "a/", tags=(("route", "yes"),))


class TestTheFrontier:
    def test_is_the_refresh_message_that_was_worked_off(self) -> None:
        world = World()
        world.record(created())
        assert world.heard.frontier is None
        world.record(REFRESH)
        assert world.heard.frontier == NOW

    def test_is_no_change_of_one_buckets_rules(self) -> None:
        world = World()
        world.record(ConfigurationChanged("src", NOW, "told"))
        assert world.heard.frontier is None

    def test_is_held_by_what_is_given_back(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        world.record(created(), REFRESH)
        assert (world.heard.returned, world.heard.frontier) == ({"m0": NOW}, NOW)

    def test_is_held_before_it_is_moved(self) -> None:
        """A function that is killed in between must not have claimed too much."""
        said: list[str] = []

        @dataclass
        class Heard:
            def advance(self, sent: Instant) -> None:
                said.append("advance")

            def give_back(self, messages: Any) -> None:
                said.append(f"give back {len(messages)}")

            def taken(self, messages: Any) -> None:
                said.append("taken")

        world = World()
        world.heard = Heard()  # type: ignore[assignment]
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        world.record(REFRESH, created())
        assert said.index("give back 1") < said.index("advance")

    def test_is_held_by_what_is_given_back_and_by_nothing_that_is_done(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        world.record(created(), created(key="a/other", id="two"))
        assert world.heard.returned == {"m0": NOW}

    def test_is_not_held_by_what_cannot_be_placed(self) -> None:
        """Without it the tracker says at worst that a replica is still due."""
        world = World()
        assert world.record(created("dst"), deleted("dst", id="two")).retry == ("m0", "m1")
        assert world.heard.returned == {}

    def test_is_held_by_a_message_of_which_only_one_record_cannot_be_placed(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        world.record([created("dst", version_id="own"), created()])
        assert world.heard.returned == {"m0": NOW}

    def test_is_not_held_by_a_dead_letter(self) -> None:
        world = World()
        world.record(Rejected(Reason.NOT_JSON, "no"))
        assert world.heard.returned == {}

    def test_is_held_by_a_hidden_fault_of_the_recorder(self) -> None:
        world = World({"src": history("src", TAGGED)})
        world.objects.fault = ZeroDivisionError()
        world.record(created())
        assert world.heard.returned == {"m0": NOW}


class TestAMessageWithOneBadAndOneWaitingRecord:
    def test_is_one_dead_letter_when_it_is_done(self) -> None:
        world = World()
        world.objects.silent = {version("dst")}
        message: list[Event | Rejected] = [Rejected(Reason.BAD_TEXT, "x"), created("dst")]
        for receives in range(1, 8):
            assert world.record(message, receives=receives).retry == ("m0",)
        assert world.letters.letters == []
        world.objects.silent = set()
        world.objects.heads = {version("dst"): Head(None, False, NOW)}
        assert world.record(message, receives=8).retry == ()
        assert [one.reason for _, one in world.letters.letters] == ["bad-text"]

    def test_is_one_dead_letter_for_two_bad_records(self) -> None:
        world = World()
        world.record([Rejected(Reason.KEY_TOO_LONG, "x"), Rejected(Reason.BAD_TIME, "y")])
        assert len(world.letters.letters) == 1


@dataclass
class Hanging(MemoryObjects):
    """One bucket's HEADs hang until they are let go."""

    hangs: str = "dst"
    let_go: Signal = field(default_factory=Signal)
    begun: Signal = field(default_factory=Signal)

    def head(self, version: ObjectVersion) -> Head | None:
        if version.bucket == self.hangs:
            self.begun.set()
            self.let_go.wait(30)
        return super().head(version)


class TestTheEndOfTheTime:
    def hanging(self) -> tuple[World, Hanging]:
        objects = Hanging()
        known = {"src": history("src", rule("dst")), "other": history("other", rule("far"))}
        world = World(known, tracked=frozenset({"src", "dst", "other", "far"}), objects=objects)
        objects.heads = {
            version("far"): REPLICA_HEAD,
            version("other"): Head("COMPLETED", False, NOW),
        }
        return world, objects

    def test_a_head_that_hangs_is_given_back_and_the_rest_is_acknowledged(self) -> None:
        world, objects = self.hanging()
        began = time.monotonic()

        def left() -> float:
            return RESERVE_SECONDS + 0.2 - (time.monotonic() - began)

        try:
            outcome = world.record(
                created("dst"), created("far"), created(version_id="v2"), seconds_left=left
            )
        finally:
            objects.let_go.set()
        assert outcome.retry == ("m0",)
        assert world.heard.returned == {"m0": NOW}
        assert world.state(version("other"), "far").status is Status.COMPLETED
        assert world.state(version(version_id="v2")).status is Status.PENDING
        assert time.monotonic() - began < 10

    def test_nothing_is_asked_when_no_time_is_left_and_what_needs_no_asking_is_written(
        self,
    ) -> None:
        world = World()
        outcome = world.record(created("dst"), created(version_id="v2"), seconds_left=lambda: 5.0)
        assert outcome.retry == ("m0",)
        assert world.objects.asked == []
        assert world.state(version(version_id="v2")).status is Status.PENDING

    def test_what_hung_writes_nothing_afterwards(self) -> None:
        """The message comes again; two answers of one question could differ."""
        world, objects = self.hanging()
        world.record(created("dst"), seconds_left=lambda: RESERVE_SECONDS + 0.05)
        writes = world.ledger.writes
        objects.heads[version("dst")] = REPLICA_HEAD
        objects.heads[version("src")] = Head("COMPLETED", False, NOW)
        objects.let_go.set()
        objects.begun.wait(5)
        time.sleep(0.05)
        assert world.ledger.writes == writes


class TestWhatABatchMayCost:
    def test_reads_of_s3_are_bounded_and_the_rest_comes_again(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(recorder, "READS_A_BATCH", 5)
        world = World()
        events = [created("dst", key=f"own/{n}", id=f"e{n}") for n in range(8)]
        world.objects.heads = {one.version: Head(None, False, NOW) for one in events}
        outcome = world.record(*events)
        assert len(world.objects.asked) == 5
        assert len(outcome.retry) == 3
        assert outcome.counts["foreign_events"] == 5

    def test_the_bound_is_generous_for_a_batch_of_a_thousand(self) -> None:
        assert READS_A_BATCH == 500


class TestWhatIsLearnt:
    def test_a_destination_that_no_rule_names_is_noted(self) -> None:
        """Its failures then stand in the bucket's lists, sweeps and reconciliation."""
        world = World()
        world.record(replicated(Operation.FAILED, destination="stranger", failure_code="X"))
        assert world.histories.learnt == [("destination", "src", "stranger")]
        assert world.state(destination="stranger").status is Status.FAILED

    def test_one_that_a_rule_names_or_that_is_none_is_not(self) -> None:
        world = World()
        world.record(
            created(), replicated(Operation.FAILED, failure_code="X"), created(key="other", id="b")
        )
        assert world.histories.learnt == []

    @pytest.mark.parametrize("code", ["SrcGetTaggingNotPermitted", "DstPutTaggingNotPermitted"])
    def test_a_role_that_leaves_tags_behind_has_its_route_audited(self, code: str) -> None:
        world = World()
        world.record(replicated(Operation.FAILED, failure_code=code))
        assert world.histories.learnt == [("audit", "src", "dst")]

    def test_any_other_failure_tells_nothing_of_the_others(self) -> None:
        world = World()
        world.record(replicated(Operation.FAILED, failure_code="DstPutObjectNotPermitted"))
        assert world.histories.learnt == []

    def test_a_replica_of_an_untracked_bucket_in_a_source_is_noted(self) -> None:
        """Its other new versions are in doubt then, instead of an hour of false PENDING each."""
        known = {"a": history("a", rule("b")), "b": history("b", rule("a"))}
        world = World(known, tracked=frozenset({"a", "b"}))
        world.objects.heads = {version("b"): REPLICA_HEAD}
        world.record(created("b"))
        assert ("replicas", "b", "a/k") in world.histories.learnt


class TestAnAnnotation:
    @pytest.mark.parametrize("operation", ["OBJECT_PUT_ANNOTATION", "ObjectAnnotation:Put"])
    def test_that_fails_is_no_failure_of_its_object(self, operation: str) -> None:
        world = World()
        world.record(created(), created("dst", seconds=1))
        world.record(replicated(Operation.FAILED, failure_code="X", s3_operation=operation))
        assert world.state().status is Status.COMPLETED


def test_not_tracked_that_may_not_be_asked_is_noted_and_comes_not_again() -> None:
    world = World()
    world.record(created())
    world.objects.denied = {"src"}
    assert world.record(replicated(Operation.NOT_TRACKED)).retry == ()
    assert world.state().status is Status.PENDING
    assert [one.action for one in world.refusals] == ["s3:GetObjectVersion"]


def test_a_message_that_waits_does_not_wait_for_a_neighbour() -> None:
    world = World()
    world.ledger.refuse = {(version(), "dst"): NotYet("6 other writers came first")}
    assert world.record(created(), created(version_id="v2"), REFRESH).retry == ("m0",)
    assert world.heard.frontier == NOW
