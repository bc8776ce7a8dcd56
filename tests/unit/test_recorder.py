"""What a batch of events turns into, and which messages come back."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from replication import attribution
from replication.attributor import Attributor
from replication.configuration import History, Revision
from replication.eligibility import Configuration
from replication.errors import Denied, NotYet, Rejected, Unavailable
from replication.events import (
    Changed,
    ConfigurationChanged,
    Created,
    Deleted,
    Event,
    Ignored,
    Operation,
    Replicated,
)
from replication.facts import Evidence, Fact, Kind, ObjectVersion
from replication.fold import State
from replication.ports import Claim, Head, Message
from replication.origin import MOST_ASKED
from replication.recorder import Outcome, Recorder
from replication.status import Status
from replication.times import Instant, plus
from tests.fakes import (
    MemoryDeadLetters,
    MemoryHeard,
    MemoryHistories,
    MemoryLedger,
    MemoryObjects,
    history,
    rule,
)

NOW = Instant("2026-11-22T10:00:00.000Z")
COMPLETED_HEAD = Head("COMPLETED", delete_marker=False, last_modified=NOW)
REPLICA_HEAD = Head("REPLICA", delete_marker=False, last_modified=NOW)
PLAIN_HEAD = Head(None, delete_marker=False, last_modified=NOW)
MARKER_HEAD = Head(None, delete_marker=True, last_modified=NOW)


def version(bucket: str = "src", key: str = "a/k", version_id: str = "v1") -> ObjectVersion:
    return ObjectVersion(bucket, key, version_id)


def created(bucket: str = "src", seconds: float = 0, **more: Any) -> Created:
    where = version(bucket, more.pop("key", "a/k"), more.pop("version_id", "v1"))
    defaults: dict[str, Any] = {"id": f"created-{bucket}", "whole_second": True, "size": 7}
    return Created(where, plus(NOW, seconds), **(defaults | more))


def replicated(operation: Operation, seconds: float = 5, **more: Any) -> Replicated:
    return Replicated(
        operation,
        more.pop("where", version()),
        more.pop("destination", "dst"),
        plus(NOW, seconds),
        f"{operation}-{seconds}",
        **more,
    )


@dataclass
class World:
    """A recorder among its ports in memory. A message's body is its number in `events`."""

    known: dict[str, History] = field(
        default_factory=lambda: {"src": history("src", rule("dst", "a/"))}
    )
    tracked: frozenset[str] = frozenset({"src", "dst"})
    record_ineligible: bool = True
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    letters: MemoryDeadLetters = field(default_factory=MemoryDeadLetters)
    rereads: dict[str, History] = field(default_factory=dict)
    takes_own: set[str] = field(default_factory=set)
    heard: MemoryHeard = field(default_factory=MemoryHeard)
    reread: list[str] = field(default_factory=list)
    refusals: list[Denied] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.histories = MemoryHistories(self.known, rereads=self.rereads)

    def record(
        self,
        *batch: Event | Rejected | list[Event | Rejected],
        receives: int = 1,
        seconds_left: Callable[[], float] = lambda: 60.0,
    ) -> Outcome:
        parsed = [one if isinstance(one, list) else [one] for one in batch]
        recorder = Recorder(
            parse=lambda body, _: parsed[int(body)],
            attributor=self.attributor,
            histories=self.histories,
            ledger=self.ledger,
            dead_letters=self.letters,
            now=lambda: plus(NOW, 60),
            heard=self.heard,
        )
        messages = [Message(f"m{n}", str(n), NOW, receives) for n in range(len(parsed))]
        return recorder.record(messages, seconds_left)

    def read_again(self, bucket: str) -> History | None:
        self.reread.append(bucket)
        return self.histories.reread(bucket)

    def attributor(self) -> Attributor:
        return Attributor(
            histories=self.histories.histories(),
            unknown=self.histories.unknown(),
            objects=self.objects,
            ledger=self.ledger,
            tracked=self.tracked,
            record_ineligible=self.record_ineligible,
            reread=self.read_again,
            note=self.refusals.append,
            note_replicas=self.histories.note_replicas,
            takes_own=self.takes_own.__contains__,
        )

    def state(self, where: ObjectVersion | None = None, destination: str = "dst") -> State:
        return self.ledger.records[where or version(), destination].state


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
    world = World({"src": History("src", revisions)})
    world.record(created(), created(version_id="v2", seconds=11))
    assert world.state().status is Status.PENDING
    assert world.state(version(version_id="v2"), "elsewhere").status is Status.PENDING


class TestAnArrivalNothingIsKnownOf:
    """S3 is asked before anything is written."""

    def test_is_recorded_when_it_is_a_replica_of_a_tracked_source(self) -> None:
        world = World()
        world.objects.heads = {version("dst"): REPLICA_HEAD, version(): COMPLETED_HEAD}
        assert world.record(created("dst", seconds=3)).retry == ()
        assert world.state().status is Status.COMPLETED
        assert world.state().created_at is None
        assert world.objects.asked == ["head dst", "head src"]

    def test_is_let_be_when_it_was_put_there_directly(self) -> None:
        world = World()
        world.objects.heads = {version("dst"): PLAIN_HEAD}
        outcome = world.record(created("dst"))
        assert outcome.retry == ()
        assert outcome.counts["foreign_events"] == 1
        assert world.ledger.records == {}

    @pytest.mark.parametrize("heads", [{}, {version("dst"): REPLICA_HEAD}])
    def test_goes_back_to_the_queue_when_it_cannot_be_confirmed_yet(
        self, heads: dict[ObjectVersion, Head]
    ) -> None:
        world = World()
        world.objects.heads = heads
        assert world.record(created("dst")).retry == ("m0",)
        assert world.ledger.records == {}

    def test_is_found_out_among_several_sources_by_the_version_id(self) -> None:
        world = World(
            {"src": history("src", rule("dst")), "src-2": history("src-2", rule("dst"))},
            tracked=frozenset({"src", "src-2", "dst"}),
        )
        world.objects.heads = {version("dst"): REPLICA_HEAD, version("src-2"): COMPLETED_HEAD}
        world.record(created("dst"))
        assert list(world.ledger.records) == [(version("src-2"), "dst")]

    def test_that_is_a_marker_is_proved_by_its_version_in_the_source(self) -> None:
        """A marker has no readable status: HeadObject answers 405 wherever it is."""
        marker: dict[str, Any] = {"delete_marker": True, "size": None}
        world = World({"src": history("src", rule("dst", delete_markers=True))})
        world.objects.heads = {version("dst"): MARKER_HEAD, version(): MARKER_HEAD}
        world.record(created("dst", **marker))
        assert world.state().status is Status.COMPLETED
        # Its own event says all that HEAD would.
        assert world.objects.asked == ["head src"]

    def test_that_is_the_buckets_own_marker_is_of_no_concern_after_a_few_tries(self) -> None:
        world = World({"src": history("src", rule("dst", delete_markers=True))})
        own = created("dst", delete_marker=True, size=None)
        assert [world.record(own, receives=n).retry for n in (1, 2, 3)] == [("m0",), ("m0",), ()]
        assert world.ledger.records == {}
        assert world.letters.letters == []

    def test_made_by_a_lifecycle_rule_is_never_a_replica_and_asks_nobody(self) -> None:
        world = World({"src": history("src", rule("dst", delete_markers=True))})
        marker = created("dst", delete_marker=True, size=None, by_lifecycle=True)
        assert world.record(marker).retry == ()
        assert (world.objects.asked, world.ledger.records) == ([], {})

    def test_is_found_in_any_tracked_bucket_when_no_rule_explains_it(self) -> None:
        """A rule that came and went before anybody read it."""
        world = World({"src": history("src"), "src-2": history("src-2")})
        world.objects.heads = {version("dst"): REPLICA_HEAD, version("src-2"): COMPLETED_HEAD}
        assert world.record(created("dst")).retry == ()
        assert list(world.ledger.records) == [(version("src-2"), "dst")]

    @pytest.mark.parametrize("marker", [False, True])
    def test_costs_a_bounded_number_of_questions_whatever_the_number_of_sources(
        self, marker: bool
    ) -> None:
        """Whoever may write into a destination must not make the tracker ask without end."""
        known = {
            f"src-{n}": history(f"src-{n}", rule("dst", delete_markers=True)) for n in range(59)
        }
        world = World(known, tracked=frozenset({*known, "dst"}))
        world.objects.heads = {version("dst"): MARKER_HEAD if marker else REPLICA_HEAD}
        world.record(created("dst", delete_marker=marker))
        assert len(world.objects.asked) <= 1 + MOST_ASKED

    def test_that_the_ledger_knows_is_asked_of_nobody_else(self) -> None:
        """Its source has it by a rule that was seen later."""
        world = World({"src": history("src"), "other": history("other")})
        world.record(created())
        world.known["src"] = history("src", rule("dst"))
        world.objects.heads = {version("dst"): REPLICA_HEAD}
        world.record(created("dst", seconds=3))
        assert world.objects.asked == ["head dst"]
        assert world.state().status is Status.COMPLETED

    def test_in_a_destination_of_many_objects_of_its_own_asks_the_ledger_alone_and_twice(
        self,
    ) -> None:
        world = World(takes_own={"dst"})
        world.objects.heads = {version("dst"): REPLICA_HEAD, version(): COMPLETED_HEAD}
        assert world.record(created("dst")).retry == ("m0",)
        assert world.record(created("dst"), receives=3).retry == ()
        assert (world.objects.asked, world.ledger.records) == ([], {})
        world.record(created())
        world.record(created("dst", seconds=1))
        assert world.state().status is Status.COMPLETED

    def test_that_is_a_replica_of_an_untracked_bucket_is_known_as_such_in_the_end(self) -> None:
        world = World()
        world.objects.heads = {version("dst"): REPLICA_HEAD}
        assert world.record(created("dst"), receives=2).retry == ("m0",)
        assert world.record(created("dst"), receives=3).retry == ()
        assert world.state(version("dst"), "dst").arrived_at is not None

    def test_that_went_again_before_anybody_knew_it_is_of_no_concern(self) -> None:
        """A destination's own short-lived object: a few tries, and no dead letter."""
        world = World()
        assert world.record(created("dst"), receives=2).counts["unplaced_events"] == 1
        outcome = world.record(created("dst"), receives=3)
        assert (outcome.retry, world.letters.letters, world.ledger.records) == ((), [], {})

    def test_is_recorded_although_its_source_is_gone_when_the_ledger_knew_it(self) -> None:
        """Written before the rule was seen, replicated by it, and deleted at once."""
        old, new = Configuration(()), Configuration((rule("dst"),))
        revisions = (Revision(plus(NOW, -100), old), Revision(plus(NOW, 10), new))
        world = World({"src": History("src", revisions)})
        world.record(created())
        # The change came within a minute of it, so it may have met the new rules.
        assert list(world.ledger.records) == [(version(), "dst")]
        assert world.state().in_doubt
        world.objects.heads = {version("dst"): REPLICA_HEAD}
        assert world.record(created("dst", seconds=3)).retry == ()
        assert world.state().arrived_at is not None

    def test_is_not_lost_when_s3_denies_the_question(self) -> None:
        world = World()
        world.objects.fault = Unavailable("S3 answered 403")
        assert world.record(created("dst")).retry == ("m0",)


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


def deleted(bucket: str = "src", seconds: float = 9, **more: Any) -> Deleted:
    where = version(bucket, version_id=more.pop("version_id", "v1"))
    return Deleted(where, plus(NOW, seconds), f"deleted-{bucket}", whole_second=True)


class TestDeletions:
    def test_a_version_deleted_for_good_has_an_end_at_every_destination(self) -> None:
        world = World({"src": history("src", rule("dst"), rule("dst-b"))})
        world.record(created(), deleted())
        assert world.state().deleted_at == "2026-11-22T10:00:09.999Z"
        assert world.state(destination="dst-b").deleted_at is not None

    def test_an_end_that_overtakes_its_beginning_is_kept(self) -> None:
        world = World()
        world.record(deleted())
        world.record(created())
        assert world.state().deleted_at is not None

    def test_a_replica_deleted_at_the_destination_is_lost_there(self) -> None:
        world = World()
        world.record(created(), created("dst", seconds=1))
        world.record(deleted("dst"))
        assert world.state().lost_at is not None
        assert world.state().arrived_at is None
        assert world.state().deleted_at is None

    def test_a_replica_deleted_that_nothing_is_known_of_is_found_at_its_source(self) -> None:
        world = World()
        world.objects.heads = {version(): COMPLETED_HEAD}
        world.record(deleted("dst"))
        assert world.state().lost_at is not None

    def test_an_object_of_the_destinations_own_may_go_in_peace(self) -> None:
        world = World()
        assert world.record(deleted("dst")).retry == ("m0",)
        outcome = world.record(deleted("dst"), receives=3)
        assert (outcome.retry, world.ledger.records) == ((), {})

    def test_a_replica_deleted_before_its_source_was_heard_of_is_not_forgotten(self) -> None:
        world = World()
        assert world.record(deleted("dst")).retry == ("m0",)
        world.record(created(), created("dst", seconds=1))
        world.record(deleted("dst"), receives=2)
        assert (world.state().arrived_at, world.state().status) == (None, Status.COMPLETED)
        assert world.state().lost_at is not None

    def test_an_end_that_comes_first_makes_no_destination(self) -> None:
        """Any rule could have sent it anywhere; only one did."""
        world = World({"src": history("src", rule("dst"), rule("off", enabled=False))})
        world.record(deleted())
        world.record(created())
        assert world.state(destination="off").is_only_an_end
        assert not world.state().is_only_an_end

    @pytest.mark.parametrize("there", [True, False])
    def test_a_version_deleted_while_pending_may_have_arrived_unheard(self, there: bool) -> None:
        world = World()
        world.record(created())
        if there:
            world.objects.heads = {version("dst"): REPLICA_HEAD}
        world.record(deleted())
        assert world.state().deleted_at is not None
        assert (world.state().arrived_at is not None) is there

    def test_a_replica_deleted_in_a_bucket_that_is_both_is_lost_there(self) -> None:
        known = {"a": history("a", rule("b")), "b": history("b", rule("a"))}
        world = World(known, tracked=frozenset({"a", "b"}))
        world.objects.heads = {version("a"): Head("PENDING", False, NOW)}
        world.record(created("a"), created("b", seconds=1))
        world.record(deleted("b"))
        assert world.state(version("a"), "b").lost_at is not None
        assert list(world.ledger.records) == [(version("a"), "b")]


def changed(bucket: str = "src", seconds: float = 9) -> Changed:
    return Changed(version(bucket), plus(NOW, seconds), f"changed-{bucket}", whole_second=True)


class TestAReplicaOfUnknownSource:
    """An inventory of its bucket told of it."""

    @pytest.fixture(params=[False, True], ids=["a mere destination", "both"])
    def world(self, request: pytest.FixtureRequest) -> World:
        known = {"src": history("src", rule("dst", "a/"))}
        world = World(known | ({"dst": history("dst", rule("src"))} if request.param else {}))
        seen = Fact(
            kind=Kind.OBSERVED,
            version=version("dst"),
            destination="dst",
            at=NOW,
            evidence=Evidence.INVENTORY,
            id="inventory",
            status=Status.COMPLETED,
            present=True,
        )
        world.ledger.write([Claim(seen)])
        world.objects.heads = {version("dst"): REPLICA_HEAD}
        return world

    def test_that_is_deleted_is_not_there_any_more(self, world: World) -> None:
        world.objects.heads = {}
        world.record(deleted("dst"))
        state = world.state(version("dst"))
        assert (state.arrived_at, state.lost_at) == (None, "2026-11-22T10:00:09.999Z")

    def test_that_changes_is_due_nowhere(self, world: World) -> None:
        world.record(changed("dst"))
        assert world.state(version("dst")).status is Status.COMPLETED
        assert set(world.ledger.records) == {(version("dst"), "dst")}


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
        none = attribution.observed(version(), "dst", Status.PENDING, plus(NOW, 5), "look")
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


class TestDoubt:
    """A version's destinations are certain, or it says that they are not."""

    def test_while_a_change_of_the_rules_is_told_and_not_read_no_destination_is_certain(
        self,
    ) -> None:
        settling = History("src", history("src", rule("dst")).revisions, settled=False)
        world = World({"src": settling})
        world.record(created())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, True)
        assert world.objects.asked == []

    def test_and_neither_is_it_certain_that_it_has_none(self) -> None:
        settling = History("src", history("src").revisions, settled=False)
        world = World({"src": settling})
        world.record(created())
        assert (world.state(destination="").status, world.state(destination="").in_doubt) == (
            None,
            True,
        )

    def test_a_version_written_about_a_change_may_have_met_either_rules(self) -> None:
        revisions = (
            Revision(plus(NOW, -100), Configuration((rule("dst"),))),
            Revision(plus(NOW, 10), Configuration((rule("dst"), rule("added")))),
        )
        world = World({"src": History("src", revisions)})
        world.record(created())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, None)
        added = world.state(destination="added")
        assert (added.status, added.in_doubt, added.since) == (None, True, NOW)

    @pytest.mark.parametrize(
        ("seconds", "in_doubt"), [(-1, None), (0, True), (0.5, True), (1, None)]
    )
    def test_a_change_told_by_the_second_leaves_that_second_in_doubt(
        self, seconds: float, in_doubt: bool | None
    ) -> None:
        told = Revision(NOW, Configuration((rule("dst"),)), not_before=NOW, told=True)
        first = Revision(plus(NOW, -1000), Configuration((rule("dst"), rule("gone"))))
        world = World({"src": History("src", (first, told))})
        world.record(created(seconds=seconds, whole_second=False))
        assert world.state().in_doubt is None
        gone = world.ledger.records.get((version(), "gone"))
        assert (gone.state.in_doubt if gone and seconds >= 0 else None) is in_doubt

    def test_an_object_is_not_called_ineligible_by_rules_older_than_itself(self) -> None:
        """They are read once more, once a batch: a rule may have been added just before."""
        old = replace(history("src", rule("dst", "other/")), read_at=plus(NOW, -30))
        new = replace(history("src", rule("dst")), read_at=plus(NOW, 1))
        world = World({"src": old}, rereads={"src": new})
        world.record(created(), created(version_id="v2", id="two"))
        assert world.state().status is Status.PENDING
        assert world.reread == ["src"]

    def test_and_is_in_doubt_when_they_cannot_be_read(self) -> None:
        old = replace(history("src", rule("dst", "other/")), read_at=plus(NOW, -30))
        world = World({"src": old})
        world.record(created())
        assert (world.state(destination="").status, world.state(destination="").in_doubt) == (
            None,
            True,
        )

    def test_by_rules_read_since_it_is_ineligible_at_no_cost(self) -> None:
        known = replace(history("src", rule("dst", "other/")), read_at=plus(NOW, 30))
        world = World({"src": known})
        world.record(created())
        assert world.state(destination="").is_ruled_out
        assert (world.reread, world.objects.asked) == ([], [])

    def test_a_destination_that_tags_chose_is_in_doubt_until_it_is_told_of(self) -> None:
        """S3 goes by the tags at the creation; those that are read may have been set later."""
        world = World({"src": history("src", rule("dst"), rule("tagged", tags=(("a", "b"),)))})
        world.objects.tagging = {version(): {"a": "b"}}
        world.record(created())
        assert world.state().in_doubt is None
        assert (
            world.state(destination="tagged").status,
            world.state(destination="tagged").in_doubt,
        ) == (
            Status.PENDING,
            True,
        )
        world.record(created("tagged", seconds=3))
        assert (
            world.state(destination="tagged").status,
            world.state(destination="tagged").in_doubt,
        ) == (
            Status.COMPLETED,
            None,
        )

    def test_a_tag_rule_that_the_tags_do_not_match_is_not_due(self) -> None:
        world = World({"src": history("src", rule("dst"), rule("tagged", tags=(("a", "b"),)))})
        world.objects.tagging = {version(): {"a": "other"}}
        world.record(created())
        assert list(world.ledger.records) == [(version(), "dst")]

    def test_tags_that_may_not_be_read_leave_their_destination_in_doubt(self) -> None:
        world = World({"src": history("src", rule("dst"), rule("tagged", tags=(("a", "b"),)))})
        world.objects.tags_denied = {"src"}
        assert world.record(created()).retry == ()
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, None)
        tagged = world.state(destination="tagged")
        assert (tagged.status, tagged.in_doubt) == (None, True)
        assert [one.action for one in world.refusals] == ["s3:GetObjectVersionTagging"]

    def test_where_replicas_of_an_untracked_bucket_arrive_a_new_version_may_be_one(self) -> None:
        known = replace(history("src", rule("dst")), replicas_under=("a/",))
        world = World({"src": known})
        world.record(created(), created(key="b/k", id="two"))
        assert world.state().in_doubt
        assert world.state(version(key="b/k")).in_doubt is None


class TestMessagesAndTheirNeighbours:
    def test_what_can_never_be_understood_goes_to_the_dead_letters_at_once(self) -> None:
        world = World()
        outcome = world.record(Rejected("not-json", "no"), created())
        assert outcome.retry == ()
        assert [(m.id, r.reason) for m, r in world.letters.letters] == [("m0", "not-json")]
        assert world.state().status is Status.PENDING

    def test_a_message_the_dead_letter_queue_does_not_take_comes_back(self) -> None:
        world = World()
        world.letters.full = True
        assert world.record(Rejected("not-json", "no"), created()).retry == ("m0",)

    def test_the_good_records_of_a_bad_message_count(self) -> None:
        world = World()
        world.record([created(), Rejected("bad-key", "no")])
        assert world.state().status is Status.PENDING
        assert len(world.letters.letters) == 1

    def test_a_bucket_of_nobody_is_a_dead_letter_that_names_the_fix(self) -> None:
        world = World()
        outcome = world.record(
            created("stranger"),
            replicated(Operation.FAILED, where=version("stranger")),
            deleted("stranger"),
            changed("stranger"),
        )
        assert outcome.retry == ()
        assert {r.reason for _, r in world.letters.letters} == {"bucket-not-tracked"}
        assert len(world.letters.letters) == 4
        assert "source_buckets" in world.letters.letters[0][1].detail

    def test_a_destination_named_by_a_rule_alone_is_tracked_too(self) -> None:
        world = World(tracked=frozenset({"src"}))
        world.record(created(), created("dst", seconds=1))
        assert world.state().status is Status.COMPLETED

    def test_a_throttled_item_brings_back_its_messages_and_no_others(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Unavailable("throttled")}
        assert world.record(created(), created(version_id="v2")).retry == ("m0",)
        assert world.state(version(version_id="v2")).status is Status.PENDING

    def test_an_item_nobody_can_write_is_a_dead_letter(self) -> None:
        world = World()
        world.ledger.refuse = {(version(), "dst"): Rejected("unwritable", "too large")}
        world.record(created())
        assert world.letters.letters[0][1].reason == "unwritable"

    def test_a_fault_of_the_recorder_brings_back_one_message(self) -> None:
        world = World({"src": history("src", rule("dst", "a/", tags=(("x", "y"),)))})
        world.objects.fault = ZeroDivisionError()
        outcome = world.record(created(), replicated(Operation.FAILED, failure_code="X"))
        assert outcome.retry == ("m0",)
        assert world.state().status is Status.FAILED

    def test_rules_that_cannot_be_read_hold_back_what_depends_on_them(self) -> None:
        world = World({})
        world.histories.not_known = {"src": "AccessDenied"}
        outcome = world.record(created(), replicated(Operation.FAILED, failure_code="X"))
        assert outcome.retry == ("m0",)
        assert world.state().status is Status.FAILED

    def test_ignored_events_are_counted_and_done(self) -> None:
        outcome = World().record(Ignored("Object Restore Completed"))
        assert (outcome.retry, outcome.counts["ignored_events"]) == ((), 1)

    def test_a_change_of_configuration_is_read_before_the_objects_beside_it(self) -> None:
        world = World()
        world.record(created(), ConfigurationChanged("src", NOW, "c"))
        world.record(ConfigurationChanged(None, NOW, "refresh"))
        assert world.histories.forgotten == [("src", NOW), (None, None)]

    def test_an_empty_batch_is_done(self) -> None:
        assert World().record().retry == ()

    def test_counts_say_what_happened(self) -> None:
        world = World()
        counts = world.record(created(), created("dst", seconds=1)).counts
        assert (counts[Kind.REQUESTED], counts[Kind.ARRIVED]) == (1, 1)
        assert world.record(created()).counts["known_facts"] == 1


def test_a_not_yet_from_the_ledger_names_the_reason_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    world = World()
    world.ledger.refuse = {(version(), "dst"): NotYet("6 other writers came first")}
    world.record(created())
    assert "6 other writers came first" in caplog.text
