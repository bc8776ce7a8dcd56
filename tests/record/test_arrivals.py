"""What an arrival is proved by when nothing is known of its version."""

from typing import Any

import pytest

from replication.errors import Unavailable
from replication.head.port import Head
from replication.head.replica_source import MOST_ASKED
from replication.s3.events import Created, Deleted
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import plus
from tests.record.world import (
    COMPLETED_HEAD,
    MARKER_HEAD,
    NOW,
    PLAIN_HEAD,
    REPLICA_HEAD,
    World,
    created,
    deleted,
    version,
)
from tests.support.fakes import MemoryObjects, history, rule


class TestWhereS3DeniesTheQuestion:
    """A destination of another account, which the tracker may not read: whatever is put there of
    its own must not be asked about fifty times, fill the dead letters and hold the watermark."""

    @pytest.mark.parametrize("denied", ["dst", "src"])
    @pytest.mark.parametrize("event", [created("dst"), deleted("dst")])
    def test_a_version_nobody_knows_is_of_no_concern_after_a_few_tries(
        self, denied: str, event: Created | Deleted
    ) -> None:
        world = World(objects=MemoryObjects(denied={denied}))
        world.objects.heads = {version("dst"): REPLICA_HEAD}
        retries = [world.record(event, receives=n).retry for n in (1, 2, 3)]
        assert retries[-1] == ()
        assert world.ledger.records == {}
        assert world.letters.letters == []

    def test_the_operator_is_told_what_to_allow(self) -> None:
        world = World(objects=MemoryObjects(denied={"dst"}))
        world.record(created("dst"))
        assert {(one.action, one.bucket) for one in world.refusals} == {
            ("s3:GetObjectVersion", "dst")
        }

    def test_it_holds_no_watermark_back(self) -> None:
        """Without it the tracker says at worst that a replica is still due."""
        world = World(objects=MemoryObjects(denied={"dst"}))
        world.record(created("dst"))
        assert world.heard.returned == {}

    def test_an_arrival_whose_source_is_heard_of_meanwhile_is_one(self) -> None:
        world = World(objects=MemoryObjects(denied={"dst"}))
        assert world.record(created("dst", seconds=1)).retry == ("m0",)
        world.record(created())
        assert world.record(created("dst", seconds=1), receives=2).retry == ()
        assert world.state().status is Status.COMPLETED

    def test_a_version_of_a_source_bucket_that_replicates_both_ways_is_its_own_in_doubt(
        self,
    ) -> None:
        """And it is so at once: it may be due, and the frontier does not wait for it."""
        known = {"a": history("a", rule("b")), "b": history("b", rule("a"))}
        world = World(known, tracked=frozenset("ab"), objects=MemoryObjects(denied={"a"}))
        assert world.record(created("a")).retry == ()
        state = world.state(version("a"), "b")
        assert (state.status, state.in_doubt) == (Status.PENDING, True)


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
        world = World({"src": RuleHistory("src", revisions)})
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
