"""Ends of versions and of their replicas."""

import pytest

from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from tests.record.world import (
    COMPLETED_HEAD,
    NOW,
    REPLICA_HEAD,
    World,
    changed,
    created,
    deleted,
    version,
)
from tests.support.fakes import (
    history,
    rule,
)


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
