"""Where rules alone do not tell what a change does, S3's header decides."""

from dataclasses import replace

import pytest

from replication.errors import Unavailable
from replication.head.port import Head
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import plus
from tests.laws.memory import FirstStays
from tests.record.changing import TAGGED, completed, failed, reads, statuses, world_of
from tests.record.world import (
    NOW,
    REPLICA_HEAD,
    World,
    changed,
    created,
    version,
)
from tests.support.fakes import history, rule


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

    @pytest.mark.parametrize("read", [-60, 0, 0.5])
    def test_proves_nothing_of_others_where_the_rules_were_not_read_since_the_write(
        self, read: float
    ) -> None:
        """The rule of the other one may be gone. The write may be of the end of its second."""
        world = world_of(rule("dst"), rule("other"))
        world.known["src"] = replace(world.known["src"], read_at=plus(NOW, read))
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
