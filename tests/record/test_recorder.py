"""What a batch of events turns into."""

from dataclasses import replace
from typing import Any

import pytest

from record import changed as record_changed
from replication.head.port import Head
from replication.ledger.fact import Kind
from replication.ledger.port import Claim
from replication.s3.events import Event, Operation
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.times import Instant, plus
from tests.record.world import (
    COMPLETED_HEAD,
    NOW,
    PLAIN_HEAD,
    REPLICA_HEAD,
    World,
    changed,
    created,
    deleted,
    replicated,
    version,
)
from tests.support.fakes import (
    history,
    rule,
)


def test_a_new_version_is_pending_wherever_a_rule_takes_it() -> None:
    world = World({"src": history("src", rule("dst-a"), rule("dst-b"), rule("dst-c", "z/"))})
    assert world.record(created()).retry == ()
    for name in ("dst-a", "dst-b"):
        state = world.state(destination=name)
        assert (state.status, state.since, state.size) == (Status.PENDING, NOW, 7)
        assert (state.rule_id, state.evidence) == (f"to-{name}", Evidence.OBJECT_CREATED)
    assert len(world.ledger.records) == 2


def test_the_common_life_asks_s3_nothing() -> None:
    world = World()
    world.record(created())
    world.record(created("dst", seconds=3))
    assert world.state().status is Status.COMPLETED
    assert world.state().since == "2026-11-22T10:00:03.999Z"
    assert world.objects.asked == []


def test_an_arrival_before_its_request_in_one_batch_is_joined_without_asking() -> None:
    world = World()
    world.record(created("dst", seconds=3), created())
    assert world.state().status is Status.COMPLETED
    assert world.objects.asked == []


def test_an_arrival_within_the_second_of_its_request_completes_it() -> None:
    """EventBridge cuts both to the same second."""
    world = World()
    world.record(created(whole_second=False, seconds=0.7))
    world.record(created("dst", seconds=0))
    assert world.state().status is Status.COMPLETED


def test_a_version_no_rule_takes_is_recorded_without_a_destination() -> None:
    world = World()
    world.record(created(key="other"))
    state = world.state(version(key="other"), "")
    assert state.status is None
    assert state.created_at == NOW


def test_a_version_no_rule_takes_may_be_left_out() -> None:
    world = World(record_ineligible=False)
    assert world.record(created(key="other")).retry == ()
    assert world.ledger.records == {}


def test_a_marker_made_by_a_lifecycle_rule_is_not_expected_to_replicate() -> None:
    world = World({"src": history("src", rule("dst", delete_markers=True))})
    marker: dict[str, Any] = {"delete_marker": True, "size": None}
    world.record(created(**marker, version_id="user"))
    world.record(created(**marker, version_id="lifecycle", by_lifecycle=True))
    assert world.state(version(version_id="user")).delete_marker is True
    assert world.state(version(version_id="user")).status is Status.PENDING
    assert (version(version_id="lifecycle"), "") in world.ledger.records


def test_tags_are_read_only_when_a_rule_needs_them() -> None:
    tagged = rule("dst", "a/", tags=(("replicate", "yes"),))
    world = World({"src": history("src", tagged)})
    world.objects.tagging = {version(): {"replicate": "yes"}, version(version_id="v2"): {}}
    world.record(created(key="b/k"))
    assert world.objects.asked == []
    world.record(created(), created(version_id="v2"))
    assert world.objects.asked == ["tags src", "tags src"]
    assert world.state().status is Status.PENDING
    assert (version(version_id="v2"), "") in world.ledger.records


def test_tags_of_a_version_that_is_gone_leave_its_destination_in_doubt() -> None:
    world = World({"src": history("src", rule("dst", "a/", tags=(("replicate", "yes"),)))})
    assert world.record(created()).retry == ()
    assert (world.state().status, world.state().in_doubt) == (None, True)


def test_a_late_event_meets_the_rules_of_its_own_time() -> None:
    """A version keeps the destinations it was accepted for."""
    old, new = Configuration((rule("dst"),)), Configuration((rule("elsewhere"),))
    revisions = (Revision(plus(NOW, -100), old), Revision(plus(NOW, 10), new))
    world = World({"src": RuleHistory("src", revisions)})
    world.record(created(), created(version_id="v2", seconds=11))
    assert world.state().status is Status.PENDING
    assert world.state(version(version_id="v2"), "elsewhere").status is Status.PENDING


class TestTwoBucketsThatReplicateToEachOther:
    def world(self) -> World:
        known = {"a": history("a", rule("b")), "b": history("b", rule("a"))}
        return World(known, tracked=frozenset({"a", "b"}))

    def test_a_version_of_its_own_is_pending(self) -> None:
        world = self.world()
        pending = Head("PENDING", delete_marker=False, last_modified=NOW)
        world.objects.heads = {version("a"): pending}
        world.record(created("a"))
        assert world.state(version("a"), "b").status is Status.PENDING

    def test_a_replica_completes_the_version_of_the_other(self) -> None:
        world = self.world()
        world.objects.heads = {version("a"): Head("PENDING", False, NOW)}
        world.record(created("a"))
        world.record(created("b", seconds=2))
        assert list(world.ledger.records) == [(version("a"), "b")]
        assert world.state(version("a"), "b").status is Status.COMPLETED

    @pytest.mark.parametrize("status", ["PENDING", "FAILED", "COMPLETED"])
    def test_a_source_whose_replica_is_there_already_stays_the_source(self, status: str) -> None:
        """The event of the arrival overtook that of the creation."""
        world = self.world()
        own = Head(status, delete_marker=False, last_modified=NOW)
        world.objects.heads = {version("a"): own, version("b"): REPLICA_HEAD}
        world.record(created("a"))
        assert list(world.ledger.records) == [(version("a"), "b")]
        assert world.state(version("a"), "b").status is Status.PENDING

    @pytest.mark.parametrize("status", ["REPLICA", "PENDING", "FAILED"])
    def test_a_replica_is_one_even_while_its_own_changes_are_synchronised(
        self, status: str
    ) -> None:
        """With replica modification sync a replica may read PENDING or FAILED."""
        world = self.world()
        world.objects.heads = {
            version("b"): Head(status, delete_marker=False, last_modified=NOW),
            version("a"): COMPLETED_HEAD,
        }
        world.record(created("b", seconds=1))
        assert list(world.ledger.records) == [(version("a"), "b")]

    def test_a_source_deleted_before_its_creation_was_heard_of_stays_the_source(self) -> None:
        """Its replica in the other bucket outlives it, and is no source for that."""
        world = self.world()
        world.objects.heads = {version("b"): REPLICA_HEAD}
        world.record(deleted("a"))
        world.record(created("a"))
        world.record(created("b", seconds=1))
        assert list(world.ledger.records) == [(version("a"), "b")]
        state = world.state(version("a"), "b")
        assert (state.deleted_at is not None, state.arrived_at is not None) == (True, True)

    def test_a_version_of_its_own_that_went_at_once_is_its_own(self) -> None:
        world = self.world()
        assert world.record(created("a")).retry == ()
        assert list(world.ledger.records) == [(version("a"), "b")]

    def test_a_replica_that_went_at_once_is_still_one(self) -> None:
        world = self.world()
        world.objects.heads = {version("a"): COMPLETED_HEAD}
        world.record(created("b", seconds=1))
        assert list(world.ledger.records) == [(version("a"), "b")]

    def marked(self, there: Instant) -> World:
        """A marker of `a`, which `b` has since `there` by its own account."""
        world = self.world()
        older = Head(None, delete_marker=True, last_modified=NOW)
        younger = Head(None, delete_marker=True, last_modified=there)
        world.known["a"] = world.histories.known["a"] = history("a", rule("b", delete_markers=True))
        world.objects.heads = {version("a"): older, version("b"): younger}
        return world

    @pytest.mark.parametrize("keeps", [False, True], ids=["its own time", "its source's time"])
    @pytest.mark.parametrize("order", [("b", "a"), ("a", "b")])
    def test_of_two_equal_markers_the_one_is_the_source_whose_rules_send_markers(
        self, keeps: bool, order: tuple[str, str]
    ) -> None:
        """A replica keeps its source's LastModified, so no age tells."""
        world = self.marked(NOW if keeps else plus(NOW, 3))
        for bucket in order:
            seconds = {"a": 0, "b": 3}[bucket]
            world.record(created(bucket, delete_marker=True, seconds=seconds))
        assert list(world.ledger.records) == [(version("a"), "b")]
        assert world.state(version("a"), "b").status is Status.COMPLETED

    def test_of_two_markers_of_one_second_the_first_that_is_heard_of_is_the_source(self) -> None:
        world = self.marked(NOW)
        world.record(created("a", delete_marker=True))
        world.record(created("b", delete_marker=True))
        assert list(world.ledger.records) == [(version("a"), "b")]
        assert world.state(version("a"), "b").status is Status.COMPLETED


class TestReplicationEvents:
    def test_a_failure_is_recorded_with_its_code(self) -> None:
        world = World()
        world.record(created())
        world.record(replicated(Operation.FAILED, failure_code="DstBucketNotFound", rule_id="r"))
        state = world.state()
        assert (state.status, state.failure_code) == (Status.FAILED, "DstBucketNotFound")
        assert (state.rule_id, state.evidence) == ("r", Evidence.REPLICATION_EVENT)

    def test_a_failure_is_recorded_although_nothing_else_is_known(self) -> None:
        world = World()
        world.record(replicated(Operation.FAILED, failure_code="X", requested_at=NOW, size=3))
        assert (world.state().requested_at, world.state().size) == (NOW, 3)

    def test_a_code_that_says_already_replicated_is_no_failure(self) -> None:
        world = World()
        world.record(created(), created("dst", seconds=1))
        world.record(replicated(Operation.FAILED, failure_code="SrcReplicationNotPending"))
        assert world.state().status is Status.COMPLETED

    def test_a_missed_threshold_makes_it_late_and_nothing_else(self) -> None:
        world = World()
        world.record(created())
        world.record(replicated(Operation.MISSED_THRESHOLD, seconds=900))
        assert (world.state().status, world.state().late) == (Status.PENDING, True)
        assert world.state().since == NOW

    def test_a_missed_threshold_alone_tells_that_it_is_pending(self) -> None:
        world = World()
        world.record(replicated(Operation.MISSED_THRESHOLD, seconds=900, requested_at=NOW))
        assert (world.state().status, world.state().since) == (Status.PENDING, NOW)

    def test_replicated_after_the_threshold_is_completed_and_late(self) -> None:
        world = World()
        world.record(replicated(Operation.REPLICATED_AFTER_THRESHOLD, seconds=1000))
        assert (world.state().status, world.state().late) == (Status.COMPLETED, True)

    @pytest.mark.parametrize("header", ["PENDING", "COMPLETED", "FAILED"])
    def test_not_tracked_any_more_says_nothing_of_the_outcome_so_s3_is_asked(
        self, header: str
    ) -> None:
        world = World()
        world.record(created())
        world.objects.heads = {version(): Head(header, False, NOW)}
        world.record(replicated(Operation.NOT_TRACKED))
        assert world.state().status == header
        facts = world.ledger.records[version(), "dst"].facts
        assert Kind.NOTED in {fact.kind for fact in facts}

    def test_one_destination_may_fail_while_the_other_has_it(self) -> None:
        world = World({"src": history("src", rule("dst"), rule("dst-b"))})
        world.record(
            created(),
            created("dst", seconds=1),
            replicated(Operation.FAILED, destination="dst-b", failure_code="X"),
        )
        assert world.state().status is Status.COMPLETED
        assert world.state(destination="dst-b").status is Status.FAILED

    @pytest.mark.parametrize("failure_first", [True, False])
    def test_a_failure_and_a_later_arrival_end_as_completed_in_any_order(
        self, failure_first: bool
    ) -> None:
        world = World()
        world.record(created())
        both: list[Event] = [
            replicated(Operation.FAILED, failure_code="X"),
            created("dst", seconds=20),
        ]
        for event in both if failure_first else both[::-1]:
            world.record(event)
        assert world.state().status is Status.COMPLETED
        assert world.state().failure_code is None


class TestChangesOfTagsAndAcl:
    def completed(self) -> World:
        world = World()
        world.record(created(), created("dst", seconds=1))
        return world

    def test_reopen_a_completed_version(self) -> None:
        world = self.completed()
        world.record(changed())
        state = world.state()
        assert (state.status, state.evidence) == (Status.PENDING, Evidence.OBJECT_CHANGED)
        assert state.since == state.requested_at == plus(NOW, 9)
        assert state.arrived_at is not None

    def test_seen_at_the_destination_are_believed_when_the_source_reads_completed(self) -> None:
        world = self.completed()
        world.record(changed())
        world.objects.heads = {version(): COMPLETED_HEAD}
        world.record(changed("dst", seconds=10))
        state = world.state()
        assert (state.status, state.evidence) == (Status.COMPLETED, Evidence.HEAD_SOURCE)

    def test_that_never_show_at_the_destination_leave_it_pending(self) -> None:
        """Whether replicated tags emit an event there nobody published; none is depended on."""
        world = self.completed()
        world.record(changed())
        assert world.state().status is Status.PENDING

    def test_do_not_make_a_destination_of_a_bucket_that_is_none(self) -> None:
        world = World()
        world.record(created())
        none = record_changed.observed(version(), "dst", Status.PENDING, plus(NOW, 5), "look")
        world.ledger.write([Claim(replace(none, status=None))])
        assert world.state().is_ruled_out
        world.record(changed())
        assert world.state().status is None

    def test_of_a_version_no_rule_took_change_nothing(self) -> None:
        world = World({"src": history("src", rule("dst", "z/"))})
        world.record(created(), changed())
        assert list(world.ledger.records) == [(version(), "")]

    def test_of_a_version_from_before_tracking_begin_its_record(self) -> None:
        world = World()
        world.objects.heads = {version(): Head("PENDING", False, NOW)}
        world.record(changed())
        assert world.state().status is Status.PENDING

    def test_of_a_version_nobody_knew_that_reads_completed_are_decided_by_asking(self) -> None:
        world = World()
        world.objects.heads = {version(): COMPLETED_HEAD}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (None, True)

    def test_of_an_object_without_replication_are_let_be(self) -> None:
        world = World()
        world.objects.heads = {version(): PLAIN_HEAD}
        world.record(changed(), changed("dst"))
        assert world.ledger.records == {}
