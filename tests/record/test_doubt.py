"""Which destinations of a new version are certain."""

from dataclasses import replace

import pytest

from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.times import plus
from tests.record.world import NOW, World, created, version
from tests.support.fakes import (
    history,
    rule,
)


class TestDoubt:
    """A version's destinations are certain, or it says that they are not."""

    def test_while_a_change_of_the_rules_is_told_and_not_read_no_destination_is_certain(
        self,
    ) -> None:
        settling = RuleHistory("src", history("src", rule("dst")).revisions, settled=False)
        world = World({"src": settling})
        world.record(created())
        assert (world.state().status, world.state().in_doubt) == (Status.PENDING, True)
        assert world.objects.asked == []

    def test_and_neither_is_it_certain_that_it_has_none(self) -> None:
        settling = RuleHistory("src", history("src").revisions, settled=False)
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
        world = World({"src": RuleHistory("src", revisions)})
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
        world = World({"src": RuleHistory("src", (first, told))})
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
