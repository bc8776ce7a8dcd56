"""What a change of tags, ACL or retention does: S3 goes by the rules and the tags of now."""

from dataclasses import replace
from itertools import permutations

import pytest

from replication.configuration import History, Revision
from replication.eligibility import Configuration, Rule
from replication.errors import Unavailable
from replication.events import Event, Operation
from replication.facts import Evidence, Kind
from replication.ports import Head
from replication.status import Status
from replication.times import plus
from tests.fakes import history, rule
from tests.property.memory import FirstStays
from tests.unit.recorder.world import (
    NOW,
    REPLICA_HEAD,
    World,
    changed,
    created,
    replicated,
    version,
)

TAGGED = (("route", "yes"),)
TWO = ("dst", "other")


def reads(status: str | None) -> Head:
    return Head(status, delete_marker=False, last_modified=NOW)


def world_of(*rules: Rule, since: str | None = None) -> World:
    """One source bucket of these rules, and a ledger that keeps facts as DynamoDB does."""
    known = {"src": history("src", *(rules or (rule("dst"),)))}
    return World(known, tracked=frozenset({"src", *TWO}), ledger=FirstStays())


def now_of(world: World, *rules: Rule, seconds: float = 5) -> None:
    """The rules change after the version was written, and were read since."""
    since = plus(NOW, seconds)
    before = world.known["src"]
    after = Revision(since, Configuration(rules), not_before=since, told=True)
    world.known["src"] = History("src", (*before.revisions, after), read_at=plus(NOW, 3600))


def completed(*rules: Rule, tags: dict[str, str] | None = None) -> World:
    world = world_of(*rules)
    world.objects.tagging = {version(): tags or {}}
    world.record(created())
    for name in sorted({one.destination for one in rules} or {"dst"}):
        world.record(created(name, seconds=1))
    world.objects.asked.clear()
    return world


def failed(*rules: Rule) -> World:
    world = world_of(*rules)
    world.record(created(), replicated(Operation.FAILED, failure_code="DstPutObjectNotPermitted"))
    return world


def statuses(world: World) -> dict[str, Status | None]:
    return {name: state.status for name, state in world.ledger.states(version()).items()}


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
        assert (state.status, state.requested_at, state.lacking_since) == (
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
        assert after.lacking_since == before.lacking_since == NOW

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
        assert world.state().lacking_since == NOW

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


class TestWhereATagRuleDecides:
    """HEAD decides: while the source reads COMPLETED, nothing is on its way."""

    RULE = rule("dst", tags=TAGGED)

    def test_tags_that_match_no_more_leave_the_version_completed(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.tagging = {version(): {"phase": "removed"}}
        world.objects.heads = {version(): reads("COMPLETED")}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (Status.COMPLETED, None)
        assert world.state().since == "2026-11-22T10:00:01.999Z"

    @pytest.mark.parametrize(
        ("header", "status"),
        [
            ("PENDING", Status.PENDING),
            ("COMPLETED", Status.COMPLETED),
            ("FAILED", Status.PENDING),
            (None, Status.COMPLETED),
        ],
    )
    def test_the_header_says_whether_s3_took_matching_tags_up(
        self, header: str | None, status: Status
    ) -> None:
        """FAILED of a version that was not: the change was taken up, and given up."""
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.heads = {version(): reads(header)}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (status, None)

    def test_a_header_of_pending_is_the_only_destinations_whatever_the_tags(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.tagging = {version(): {}}
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed())
        assert world.state().status is Status.PENDING

    def test_of_a_version_that_is_gone_meanwhile_nothing_is_claimed(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.tagging = {}
        assert world.record(changed()).retry == ()
        assert world.state().status is Status.COMPLETED

    def test_what_s3_denies_is_in_doubt(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.denied = {"src"}
        assert world.record(changed()).retry == ()
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, True)
        assert [one.action for one in world.refusals] == ["s3:GetObjectVersion"]

    def test_tags_that_may_not_be_read_do_not_hide_a_header_that_says_it(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.tags_denied = {"src"}
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, None)

    def test_a_failed_version_heals_although_its_tags_may_not_be_read(self) -> None:
        world = failed(self.RULE)
        world.objects.tags_denied = {"src"}
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed())
        assert world.state().status is Status.PENDING

    def test_a_failed_version_whose_header_reads_failed_stays_failed(self) -> None:
        """S3 did not take the change up, or gave it up already."""
        world = failed(self.RULE)
        world.objects.tagging = {version(): {"route": "yes"}}
        world.objects.heads = {version(): reads("FAILED")}
        world.record(changed())
        assert world.state().status is Status.FAILED

    def test_a_version_whose_header_nobody_can_read_goes_by_its_tags(self) -> None:
        """An SSE-C object: GetObjectTagging needs no key."""
        world = completed(self.RULE, tags={"route": "yes"})
        hidden = Head(None, delete_marker=False, last_modified=None, unreadable=True)
        world.objects.heads = {version(): hidden}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, None)
        world = completed(self.RULE, tags={"route": "yes"})
        world.objects.heads, world.objects.tagging = {version(): hidden}, {version(): {}}
        world.record(changed())
        assert world.state().status is Status.COMPLETED

    def test_of_two_destinations_only_the_one_whose_tag_rule_matches_is_reopened(self) -> None:
        rules = (rule("dst"), rule("other", tags=TAGGED))
        world = completed(*rules, tags={"route": "yes"})
        world.objects.tagging = {version(): {}}
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed())
        assert statuses(world) == {"dst": Status.PENDING, "other": Status.COMPLETED}

    def test_a_source_that_does_not_answer_brings_the_message_back(self) -> None:
        world = completed(self.RULE, tags={"route": "yes"})
        before = dict(world.ledger.records)
        world.objects.fault = Unavailable("SlowDown")
        assert world.record(changed()).retry == ("m0",)
        assert world.ledger.records == before


class TestOfBucketsThatReplicateToEachOther:
    """HEAD decides: the change may be the other side's own."""

    def world(self) -> World:
        known = {"a": history("a", rule("b")), "b": history("b", rule("a"))}
        world = World(known, tracked=frozenset({"a", "b"}), ledger=FirstStays())
        world.objects.heads = {version("a"): reads("PENDING")}
        world.record(created("a"))
        world.record(created("b", seconds=2))
        assert world.state(version("a"), "b").status is Status.COMPLETED
        return world

    @pytest.mark.parametrize(
        ("header", "status"),
        [("COMPLETED", Status.COMPLETED), ("PENDING", Status.PENDING), (None, Status.COMPLETED)],
    )
    def test_the_header_of_the_source_says_whether_it_is_on_its_way(
        self, header: str | None, status: Status
    ) -> None:
        world = self.world()
        world.objects.heads = {version("a"): reads(header), version("b"): REPLICA_HEAD}
        world.record(changed("a"))
        state = world.state(version("a"), "b")
        assert (state.status, state.in_doubt) == (status, None)

    def test_what_may_not_be_asked_goes_by_the_rules(self) -> None:
        world = self.world()
        world.objects.denied = {"a"}
        world.record(changed("a"))
        assert world.state(version("a"), "b").status is Status.PENDING


class TestOfAReplica:
    """By replication, or by hand: only the source knows."""

    def test_asks_the_source_and_nobody_else(self) -> None:
        world = completed()
        world.record(changed())
        world.objects.heads = {version(): reads("COMPLETED")}
        world.record(changed("dst", seconds=30))
        assert world.objects.asked == ["head src"]
        assert (world.state().status, world.state().evidence) == (
            Status.COMPLETED,
            Evidence.HEAD_SOURCE,
        )

    @pytest.mark.parametrize("header", ["PENDING", "FAILED", None])
    def test_proves_nothing_while_the_source_does_not_read_completed(
        self, header: str | None
    ) -> None:
        world = completed()
        world.record(changed())
        world.objects.heads = {version(): reads(header)}
        world.record(changed("dst", seconds=30))
        assert world.state().status is Status.PENDING

    def test_proves_nothing_of_another_destination_in_doubt(self) -> None:
        rules = (rule("dst"), rule("other", tags=TAGGED))
        world = world_of(*rules)
        world.objects.tagging = {version(): {"route": "yes"}}
        world.record(created())
        world.objects.heads = {version(): reads("COMPLETED")}
        world.record(created("dst", seconds=1), changed("dst", seconds=30))
        assert statuses(world) == {"dst": Status.COMPLETED, "other": Status.PENDING}


class TestOfAVersionNobodyHasHeardOf:
    """Its creation was lost, or is still on its way."""

    @pytest.mark.parametrize(
        ("header", "status", "in_doubt"),
        [("PENDING", Status.PENDING, None), ("COMPLETED", None, True), ("FAILED", None, True)],
    )
    def test_the_header_says_that_a_rule_took_it(
        self, header: str, status: Status | None, in_doubt: bool | None
    ) -> None:
        world = world_of()
        world.objects.heads = {version(): reads(header)}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (status, in_doubt)

    @pytest.mark.parametrize("header", [None, "REPLICA"])
    def test_or_that_none_did(self, header: str | None) -> None:
        world = world_of()
        world.objects.heads = {version(): reads(header)}
        assert world.record(changed()).retry == ()
        assert world.ledger.records == {}

    def test_what_is_gone_is_of_no_concern(self) -> None:
        world = world_of()
        assert world.record(changed()).retry == ()
        assert world.ledger.records == {}

    def test_what_may_not_be_asked_is_in_doubt(self) -> None:
        world = world_of()
        world.objects.denied = {"src"}
        world.record(changed())
        assert (world.state().status, world.state().in_doubt) == (None, True)

    def test_its_creation_that_comes_later_dates_it_back(self) -> None:
        world = world_of()
        world.objects.heads = {version(): reads("PENDING")}
        world.record(changed(seconds=3600))
        world.record(created())
        assert (world.state().status, world.state().since, world.state().requested_at) == (
            Status.PENDING,
            NOW,
            NOW,
        )


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
