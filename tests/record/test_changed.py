"""What a change of tags, ACL or retention does: S3 goes by the rules and the tags of now."""

from dataclasses import replace
from itertools import permutations

import pytest

from replication.ledger.fact import Kind
from replication.s3.events import Event, Operation
from replication.s3.rules import Rule
from replication.s3.status import Status
from replication.times import plus
from tests.record.changing import (
    TAGGED,
    completed,
    failed,
    now_of,
    reads,
    statuses,
    world_of,
)
from tests.record.world import (
    NOW,
    REPLICA_HEAD,
    changed,
    created,
    replicated,
    version,
)
from tests.support.fakes import rule


class TestThatARuleTakes:
    def test_makes_a_completed_version_pending_since_the_change(self) -> None:
        world = completed()
        world.record(changed())
        state = world.state()
        assert (state.status, state.since, state.requested_at) == (
            Status.PENDING,
            plus(NOW, 9),
            plus(NOW, 9),
        )
        assert world.objects.asked == []

    def test_and_its_next_arrival_completes_it(self) -> None:
        world = completed()
        world.record(changed())
        world.record(created("dst", seconds=30, id="again"))
        assert (world.state().status, world.state().requested_at) == (
            Status.COMPLETED,
            plus(NOW, 9),
        )

    def test_makes_a_failed_version_pending_that_waits_since_it_was_written(self) -> None:
        """It heals that way once its cause is mended; till it arrives it is no recovery."""
        world = failed()
        world.record(changed(seconds=7200))
        state = world.state()
        assert (state.status, state.requested_at, state.outstanding_since) == (
            Status.PENDING,
            NOW,
            NOW,
        )
        assert (state.failed_at, state.failure_code) == (
            plus(NOW, 5),
            "DstPutObjectNotPermitted",
        )
        world.record(created("dst", seconds=7300))
        assert (world.state().status, world.state().failed_at) == (Status.COMPLETED, None)

    def test_leaves_a_pending_version_its_time_its_age_and_that_it_is_late(self) -> None:
        world = world_of()
        world.record(
            created(), replicated(Operation.MISSED_THRESHOLD, seconds=900, requested_at=NOW)
        )
        before = world.state()
        world.record(changed(seconds=7200))
        after = world.state()
        assert (after.status, after.since, after.requested_at, after.late) == (
            Status.PENDING,
            NOW,
            NOW,
            True,
        )
        assert after.outstanding_since == before.outstanding_since == NOW

    def test_that_fails_again_waits_since_it_was_written_still(self) -> None:
        world = failed()
        world.record(changed(seconds=7200))
        world.record(
            replicated(
                Operation.FAILED,
                seconds=7260,
                failure_code="DstPutObjectNotPermitted",
                requested_at=plus(NOW, 7200),
            )
        )
        assert world.state().status is Status.FAILED
        assert world.state().outstanding_since == NOW

    def test_at_one_of_two_destinations_reopens_that_one(self) -> None:
        world = completed(rule("dst"), rule("other"))
        now_of(world, rule("dst"))
        world.record(changed())
        assert statuses(world) == {"dst": Status.PENDING, "other": Status.COMPLETED}

    def test_keeps_the_time_of_the_first_of_two_that_did_not_arrive(self) -> None:
        world = completed()
        world.record(changed(), changed(seconds=20, id="second"))
        assert (world.state().since, world.state().requested_at) == (plus(NOW, 9), plus(NOW, 9))


class TestThatNoRuleTakes:
    def test_leaves_a_completed_version_alone(self) -> None:
        """Tags after DeleteBucketReplication: the header reads COMPLETED at once and later."""
        world = completed()
        now_of(world)
        before = world.state()
        world.record(changed())
        after = world.state()
        assert (after.status, after.since, after.requested_at, after.in_doubt) == (
            Status.COMPLETED,
            before.since,
            before.requested_at,
            None,
        )
        assert world.objects.asked == []

    @pytest.mark.parametrize("rules", [(), (rule("other"),), (rule("dst", enabled=False),)])
    def test_leaves_a_failed_version_failed(self, rules: tuple[Rule, ...]) -> None:
        world = failed()
        now_of(world, *rules)
        world.record(changed())
        assert (world.state().status, world.state().failure_code) == (
            Status.FAILED,
            "DstPutObjectNotPermitted",
        )

    def test_leaves_a_version_null_that_no_rule_took(self) -> None:
        """Matching tags put on a version that did not match when written: it never replicates."""
        world = world_of(rule("dst", tags=TAGGED))
        world.objects.tagging = {version(): {}}
        world.record(created())
        world.objects.tagging = {version(): {"route": "yes"}}
        world.objects.heads = {version(): reads(None)}
        world.record(changed())
        assert statuses(world) == {"": None}
        assert not world.state(destination="").in_doubt

    def test_but_a_destination_that_a_rule_has_named_since_is_in_doubt(self) -> None:
        world = completed()
        now_of(world, rule("dst"), rule("added"))
        world.record(changed())
        assert statuses(world) == {"added": None, "dst": Status.PENDING}
        assert world.state(destination="added").in_doubt

    @pytest.mark.parametrize("seconds", [8.5, 9.5])
    def test_is_in_doubt_about_when_the_rules_changed(self, seconds: float) -> None:
        world = completed()
        now_of(world, seconds=seconds)
        world.record(changed())
        state = world.state()
        assert state.in_doubt or state.status is Status.COMPLETED
        if seconds > 9:  # of the second of the change nobody knows
            assert state.in_doubt

    def test_is_in_doubt_while_the_rules_are_older_than_it(self) -> None:
        """A rule may have been added that nobody has read."""
        world = completed()
        now_of(world)
        world.known["src"] = replace(world.known["src"], read_at=plus(NOW, 7))
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, True)


class TestOfRetention:
    """A WORM extension that does not arrive must show."""

    def test_reopens_the_version_as_tags_do(self) -> None:
        world = completed()
        world.record(changed(retention="GOVERNANCE 2027"))
        assert (world.state().status, world.state().retention) == (
            Status.PENDING,
            "GOVERNANCE 2027",
        )

    def test_that_is_set_once_more_as_it_was_changes_nothing(self) -> None:
        """S3 sends the event of a repeat, too."""
        world = completed()
        world.record(changed(retention="GOVERNANCE 2027"))
        world.record(created("dst", seconds=20, id="second"))
        world.record(changed(seconds=40, retention="GOVERNANCE 2027", id="repeat"))
        assert world.state().status is Status.COMPLETED
        world.record(changed(seconds=60, retention="GOVERNANCE 2028", id="longer"))
        assert (world.state().status, world.state().since) == (Status.PENDING, plus(NOW, 60))

    def test_that_is_taken_away_is_a_change(self) -> None:
        world = completed()
        world.record(changed(retention="GOVERNANCE 2027"))
        world.record(created("dst", seconds=20, id="second"))
        world.record(changed(seconds=40, retention="", id="cleared"))
        assert world.state().status is Status.PENDING

    def test_no_order_of_delivery_makes_a_difference(self) -> None:
        events = [
            changed(seconds=10, retention="A", id="1"),
            changed(seconds=20, retention="A", id="2"),
            changed(seconds=30, retention="B", id="3"),
        ]
        ends = set()
        for order in permutations(events):
            world = completed()
            for event in order:
                world.record(event)
            ends.add(world.ledger.records[version(), "dst"])
        (end,) = ends
        assert (end.state.since, end.state.retention) == (plus(NOW, 10), "B")

    def test_a_repeat_that_is_of_tags_is_a_change_all_the_same(self) -> None:
        world = completed()
        world.record(changed(retention="A"), created("dst", seconds=12, id="second"))
        world.record(changed(seconds=20, id="tags"))
        assert world.state().status is Status.PENDING


class TestARedelivery:
    """The fact is the event and no more; the first verdict on it stays."""

    @pytest.mark.parametrize("later", ["COMPLETED", "FAILED", None])
    def test_changes_no_byte_whatever_s3_says_by_then(self, later: str | None) -> None:
        world = completed(rule("dst", tags=TAGGED), tags={"route": "yes"})
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed())
        before = dict(world.ledger.records)
        world.objects.heads = {version(): reads(later)}
        world.objects.tagging = {version(): {}}
        now_of(world)
        world.record(changed())
        assert world.ledger.records == before

    def test_two_events_of_one_millisecond_are_two(self) -> None:
        world = completed()
        world.record(changed(id="tags"), changed(id="acl"))
        kinds = [fact.kind for fact in world.ledger.records[version(), "dst"].facts]
        assert (kinds.count(Kind.CHANGED), kinds.count(Kind.VERDICT)) == (2, 2)


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_no_order_of_delivery_changes_what_becomes_of_a_version(order: tuple[int, ...]) -> None:
    """A change that is heard of before the creation asks HEAD; the outcome is the same."""
    world = world_of()
    world.objects.heads = {version(): reads("PENDING"), version("dst"): REPLICA_HEAD}
    events: list[Event] = [
        created(),
        created("dst", seconds=5),
        changed(),
        created("dst", seconds=20, id="again"),
    ]
    waiting = list(order)
    for _ in range(3):
        waiting = [n for n in waiting if world.record(events[n]).retry]
    assert not waiting
    state = world.state()
    assert (state.status, state.requested_at, state.in_doubt) == (
        Status.COMPLETED,
        plus(NOW, 9),
        None,
    )
