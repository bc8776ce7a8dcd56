"""Whole lives, delivered in every order: what is known in the end is the same, and true."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import permutations

import pytest

from replication.head.port import Head
from replication.ledger.state import State
from replication.s3.events import Event, Operation
from replication.s3.status import Status
from replication.times import plus
from tests.laws.memory import FirstStays
from tests.record.world import (
    COMPLETED_HEAD,
    NOW,
    REPLICA_HEAD,
    World,
    created,
    deleted,
    replicated,
    version,
)
from tests.support.fakes import history, rule

TRIES = 8


def deliver(world: World, events: Sequence[Event]) -> None:
    """One message after the other, and again and again those that are given back."""
    waiting = list(events)
    for receives in range(1, TRIES + 1):
        waiting = [one for one in waiting if world.record(one, receives=receives).retry]
    assert waiting == []
    assert world.letters.letters == []


def known(world: World, bucket: str = "src") -> Mapping[str, State]:
    """What is known of each destination, without ends that make none."""
    states = world.ledger.states(version(bucket))
    return {name: state for name, state in states.items() if not state.is_only_an_end}


class TestAVersionThatArrivedAndWasDeleted:
    """Its rules know a destination that takes it, one by a tag it has not, and a disabled one."""

    def world(self) -> World:
        rules = (rule("a"), rule("b", tags=(("x", "y"),)), rule("c", enabled=False))
        world = World(
            {"src": history("src", *rules)},
            tracked=frozenset({"src", "a", "b", "c"}),
            ledger=FirstStays(),
        )
        world.objects.heads = {version("a"): REPLICA_HEAD, version(): COMPLETED_HEAD}
        world.objects.tagging = {version(): {}}
        return world

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_went_where_it_arrived_and_nowhere_else(self, order: tuple[int, ...]) -> None:
        events: list[Event] = [created(), created("a", seconds=1), deleted(seconds=5)]
        world = self.world()
        deliver(world, [events[n] for n in order])
        states = known(world)
        assert set(states) == {"a"}
        assert (states["a"].status, states["a"].deleted_at is not None) == (Status.COMPLETED, True)


class TestAReplicaThatWasDeletedToo:
    EVENTS = (
        created(),
        created("dst", seconds=1),
        deleted("dst", seconds=60),
        deleted(seconds=90),
    )

    @pytest.mark.parametrize("order", list(permutations(range(4))))
    def test_is_not_held_for_ever(self, order: tuple[int, ...]) -> None:
        world = World({"src": history("src", rule("dst"))}, ledger=FirstStays())
        deliver(world, [self.EVENTS[n] for n in order])
        state = known(world)["dst"]
        assert (state.status, state.arrived_at, state.lost_at, state.deleted_at) == (
            Status.COMPLETED,
            None,
            "2026-11-22T10:01:00.999Z",
            "2026-11-22T10:01:30.999Z",
        )


class TestAChain:
    """A replicates to B live, and a job on B sends B's replicas on to C by B's rule."""

    EVENTS = (created("a"), created("b", seconds=5), created("c", seconds=3600))

    def world(self) -> World:
        known = {"a": history("a", rule("b")), "b": history("b", rule("c"))}
        world = World(known, tracked=frozenset("abc"), ledger=FirstStays())
        world.objects.heads = {
            version("a"): COMPLETED_HEAD,
            version("b"): REPLICA_HEAD,
            version("c"): REPLICA_HEAD,
        }
        return world

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_the_copy_of_a_replica_belongs_to_the_bucket_it_was_copied_from(
        self, order: tuple[int, ...]
    ) -> None:
        world = self.world()
        deliver(world, [self.EVENTS[n] for n in order])
        places = {(where.bucket, name) for where, name in world.ledger.records if name}
        assert places == {("a", "b"), ("b", "c")}
        for source, name in places:
            state = world.state(version(source), name)
            assert (state.status, state.arrived_at is not None) == (Status.COMPLETED, True)

    @pytest.mark.parametrize("order", list(permutations(range(3))))
    def test_the_copy_of_a_replica_that_is_gone_is_not_the_originals(
        self, order: tuple[int, ...]
    ) -> None:
        """B's copy was deleted before anyone heard that it was there."""
        world = self.world()
        del world.objects.heads[version("b")]
        deliver(world, [self.EVENTS[n] for n in order])
        places = {(where.bucket, name) for where, name in world.ledger.records if name}
        assert {("a", "b")} <= places <= {("a", "b"), ("b", "c")}

    def test_the_copy_of_a_replica_that_may_not_be_read_is_not_another_buckets(self) -> None:
        world = self.world()
        world.objects.denied = {"b"}
        deliver(world, [created("c", seconds=3600)])
        assert {name for _, name in world.ledger.records} <= {""}


class TestACentralBucketOfForeignReplicas:
    """Untracked buckets replicate into it, and it has a rule of its own."""

    def world(self) -> World:
        world = World(
            {"central": history("central", rule("dr"))},
            tracked=frozenset({"central", "dr"}),
            ledger=FirstStays(),
        )
        world.objects.heads = {version("central"): REPLICA_HEAD}
        return world

    def test_its_replicas_are_in_doubt_once_that_is_learnt(self) -> None:
        world = self.world()
        learnt = replace(history("central", rule("dr")), replicas_under=("a/",))
        world.known["central"] = learnt
        deliver(world, [created("central")])
        state = world.state(version("central"), "dr")
        assert state.in_doubt
        assert world.objects.asked == [], "cheaply"

    def test_a_replica_that_is_not_yet_known_as_one_costs_no_question(self) -> None:
        world = self.world()
        deliver(world, [created("central")])
        assert world.objects.asked == []


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_failure_that_was_tried_again_ends_as_it_ended(order: tuple[int, ...]) -> None:
    events: list[Event] = [
        created(),
        replicated(Operation.FAILED, seconds=60, failure_code="A", requested_at=NOW),
        replicated(Operation.MISSED_THRESHOLD, seconds=900, requested_at=NOW, rule_id="to-dst"),
        created("dst", seconds=1000),
    ]
    world = World({"src": history("src", rule("dst"))}, ledger=FirstStays())
    deliver(world, [events[n] for n in order])
    state = world.state()
    assert (state.status, state.failed_at, state.late, state.requested_at) == (
        Status.COMPLETED,
        None,
        True,
        NOW,
    )


def test_a_rule_that_was_added_a_second_before_makes_no_version_invisible() -> None:
    """It was recorded by rules that were read before, and S3 took it."""
    old = history("src", rule("other", "z/"))
    stale = replace(old, read_at=plus(NOW, -30))
    world = World({"src": stale}, ledger=FirstStays())
    world.objects.heads = {version(): Head("PENDING", False, NOW)}
    deliver(world, [created()])
    assert world.state(destination="").in_doubt
    fresh = replace(history("src", rule("dst")), read_at=plus(NOW, 30))
    world = World({"src": stale}, rereads={"src": fresh}, ledger=FirstStays())
    deliver(world, [created()])
    assert world.state().status is Status.PENDING
