"""Reads of the rules: which are believed, and what a bucket is whose rules cannot be read."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import pytest

from replication.aws.s3.rule_histories import (
    MANY_OWN,
    REFRESH_SECONDS,
    SETTLING_REFRESH_SECONDS,
    S3RuleHistories,
)
from replication.s3.rule_history import SETTLING_SECONDS, Revision, RuleHistory
from replication.s3.rules import parse_configuration
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.laws.memory import Table
from tests.laws.s3_model import Rule
from tests.replication.aws.rules import NOW, Kept, raw, refused
from tests.replication.aws.rules import world as new_world

HOUR = 3600
TOLD = Instant("2026-11-22T10:30:00.000Z")

if TYPE_CHECKING:
    from replication.aws.table.rule_revisions import RuleRevisionTable


@dataclass
class World:
    """Processes that share a table in memory, and one source bucket whose rules change."""

    rules: list[Rule] = field(default_factory=lambda: [Rule("dst-a")])
    table: Table = field(default_factory=Table)
    now: Instant = NOW

    def process(self) -> S3RuleHistories:
        """A function that starts: its cache is empty, the table is the same."""
        return S3RuleHistories(
            s3=lambda _: cast("Any", self),
            table=cast("RuleRevisionTable", self.table),
            buckets=["src"],
            seconds=lambda: 0.0,
            now=lambda: self.now,
        )

    def get_bucket_replication(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        rules = [rule.raw(number) for number, rule in enumerate(self.rules)]
        return {"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": rules}}

    def list_object_versions(self, **_: Any) -> dict[str, Any]:
        return {}


@pytest.fixture
def world() -> Iterator[Kept]:
    with new_world() as made:
        yield made


def src(process: S3RuleHistories) -> RuleHistory:
    return process.histories()["src"]


def destinations(history: RuleHistory, seconds: float = 0, since: Instant = NOW) -> set[str]:
    return set(history.at(plus(since, seconds)).destinations)


def test_a_cold_process_takes_no_stale_read_for_settled_rules() -> None:
    """Settling follows from what is stored, not from what a process remembers."""
    world = World()
    warm = world.process()
    warm.histories()
    world.now, world.rules = plus(world.now, 600), [Rule("dst-a"), Rule("dst-b")]
    warm.forget(None, None)
    assert len(src(warm).revisions) == 2
    world.now, world.rules = plus(world.now, 5), [Rule("dst-a")]
    stale = src(world.process())
    assert (stale.settled, len(stale.revisions)) == (False, 2)
    written_at = plus(world.now, 10)
    world.now, world.rules = plus(world.now, 20), [Rule("dst-a"), Rule("dst-b")]
    later = src(world.process())
    assert (later.settled, len(later.revisions)) == (True, 2)
    assert later.at(written_at).destinations == {"dst-a", "dst-b"}


class TestTheFirstRead:
    def test_is_of_rules_that_may_be_older_and_of_a_bucket_whose_past_is_unknown(
        self, world: Kept
    ) -> None:
        history = src(world.process())
        assert (history.tracking_since, history.settled, history.read_at) == (NOW, True, NOW)
        assert not history.listed

    def test_of_an_empty_bucket_knows_everything_there_was(self, world: Kept) -> None:
        world.objects = {"src": 0}
        assert src(world.process()).listed
        assert src(world.process()).listed, "for every process"

    def test_of_a_bucket_that_may_not_be_listed_knows_nothing(self, world: Kept) -> None:
        world.objects = {"src": refused("AccessDenied", "ListObjectVersions")}
        assert not src(world.process()).listed

    def test_of_a_bucket_that_filled_since_does_not_take_that_back(self, world: Kept) -> None:
        world.objects = {"src": 0}
        process = world.process()
        src(process)
        world.objects = {"src": 5}
        world.wait(HOUR)
        assert src(process).listed


class TestTheFirstMinutes:
    """S3 takes some minutes until it sends the events of a bucket; what is written meanwhile may
    be missed."""

    @pytest.fixture
    def begin(self, world: Kept) -> Instant:
        world.events_begin_seconds = 600
        return plus(NOW, 600)

    def test_are_before_tracking_and_the_rules_are_known_from_the_first_read_on(
        self, world: Kept, begin: Instant
    ) -> None:
        for process in (world.process(), world.process()):
            history = src(process)
            assert (history.first_read_at, history.tracking_since) == (NOW, begin)
            assert history.met(plus(NOW, 90)) == (history.current,)

    def test_stay_where_they_are_when_the_rules_change_or_another_release_reads(
        self, world: Kept, begin: Instant
    ) -> None:
        src(world.process())
        world.wait(300)
        world.rules, world.events_begin_seconds = {"src": ("dst-b",)}, 60
        assert src(world.process()).tracking_since == begin
        assert len(src(world.process()).revisions) == 2

    def test_of_a_bucket_that_an_older_release_tracks_do_not_begin_again(
        self, world: Kept, begin: Instant
    ) -> None:
        rules = raw("dst-a")
        world.table.append("src", Revision(NOW, parse_configuration(rules), NOW), rules)
        world.wait(HOUR)
        assert src(world.process()).tracking_since == NOW < begin

    def test_of_an_empty_bucket_hide_what_is_written_in_them(
        self, world: Kept, begin: Instant
    ) -> None:
        world.objects = {"src": 0}
        process = world.process()
        assert not src(process).listed
        world.objects = {"src": 1}
        world.now = plus(begin, 30)
        assert not src(process).listed
        world.wait(HOUR)
        world.objects = {"src": 0}
        assert not src(process).listed, "a bucket is not asked for ever"

    def test_of_a_bucket_that_is_empty_afterwards_hide_nothing(
        self, world: Kept, begin: Instant
    ) -> None:
        world.objects = {"src": refused("SlowDown", "ListObjectVersions")}
        process = world.process()
        src(process)
        world.now = begin
        assert not src(process).listed
        world.objects = {"src": 0}
        world.wait(REFRESH_SECONDS)
        assert src(process).listed
        assert src(world.process()).listed, "for every process"


class TestAChangeThatNobodyTold:
    def test_is_a_revision_of_the_read_that_shows_it(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.wait(540)
        src(process)
        world.wait(60)
        world.rules["src"] = ("dst-b",)
        history = src(process)
        assert [one.since for one in history.revisions] == [NOW, world.now]
        assert not history.revisions[1].told
        assert not history.revisions[1].looked_back
        assert history.in_doubt(plus(world.now, -60)), "since the read before"
        assert not history.in_doubt(plus(NOW, 300 - SETTLING_SECONDS))

    def test_is_found_within_a_minute(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.rules["src"] = ("dst-b",)
        world.wait(REFRESH_SECONDS - 1)
        assert destinations(src(process), REFRESH_SECONDS) == {"dst-a"}
        world.wait(1)
        assert destinations(src(process), REFRESH_SECONDS) == {"dst-b"}


class TestAStaleRead:
    """S3 answers the old configuration once more."""

    def changed(self, world: Kept) -> S3RuleHistories:
        process = world.process()
        src(process)
        world.wait(600)
        world.rules["src"] = ("dst-a", "dst-b")
        process.forget(None, None)
        assert src(process).settled
        return process

    def test_is_no_revision_and_nothing_is_concluded_for_a_minute(self, world: Kept) -> None:
        self.changed(world)
        world.wait(5)
        world.rules["src"] = ("dst-a",)
        cold = world.process()
        history = src(cold)
        assert not history.settled
        assert len(history.revisions) == 2
        made = plus(world.now, 1)
        assert history.is_changing(made)
        assert history.in_doubt(made)

    def test_leaves_a_version_written_meanwhile_to_the_rules_that_held(self, world: Kept) -> None:
        self.changed(world)
        world.wait(5)
        world.rules["src"] = ("dst-a",)
        src(world.process())
        world.wait(20)
        world.rules["src"] = ("dst-a", "dst-b")
        history = src(world.process())
        assert history.settled
        assert set(history.at(plus(world.now, -10)).destinations) == {"dst-a", "dst-b"}

    def test_that_goes_on_for_a_minute_is_believed(self, world: Kept) -> None:
        """The rules were changed back."""
        self.changed(world)
        world.rules["src"] = ("dst-a",)
        world.wait(SETTLING_SECONDS + 1)
        history = src(world.process())
        assert history.settled
        assert [set(one.configuration.destinations) for one in history.revisions] == [
            {"dst-a"},
            {"dst-a", "dst-b"},
            {"dst-a"},
        ]

    def test_is_asked_about_again_within_seconds(self, world: Kept) -> None:
        process = self.changed(world)
        world.rules["src"] = ("dst-a",)
        world.wait(5)
        process.forget(None, None)
        assert not src(process).settled
        world.rules["src"] = ("dst-a", "dst-b")
        world.wait(SETTLING_REFRESH_SECONDS)
        assert src(process).settled


class TestAChangeThatWasTold:
    """CloudTrail says the second."""

    def test_holds_since_that_second(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 30), ("dst-b",)
        process.forget("src", TOLD)
        history = src(process)
        assert destinations(history, -0.001, TOLD) == {"dst-a"}
        assert destinations(history, 0, TOLD) == {"dst-b"}
        assert len(history.met(plus(TOLD, 0.5))) == 2, "of that second nobody knows"
        assert len(history.met(plus(TOLD, 30))) == 2, "there may have been more changes"
        assert len(history.met(plus(TOLD, 31))) == 1

    def test_that_no_read_shows_leaves_everything_newer_in_doubt(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now = plus(TOLD, 5)
        process.forget("src", TOLD)
        history = src(process)
        assert not history.settled
        assert history.in_doubt(TOLD)
        assert not history.is_changing(plus(TOLD, -0.001)), "what is older went by the known rules"

    @pytest.mark.parametrize("asked", [True, False])
    def test_that_no_read_shows_is_known_to_every_process(self, world: Kept, asked: bool) -> None:
        told, other = world.process(), world.process()
        src(told)
        src(other)
        world.now = plus(TOLD, 5)
        told.forget("src", TOLD)
        if asked:
            other.forget("src", None)  # the schedule, or whoever waits, wants a read of now
        else:
            other = world.process()
        assert not src(other).settled
        assert src(other).in_doubt(TOLD)
        assert world.table.load("src").read_at == NOW  # type: ignore[union-attr]
        world.now, world.rules["src"] = plus(TOLD, 12), ("dst-b",)
        other.forget("src", None)
        assert destinations(src(other), 0, TOLD) == {"dst-b"}
        assert destinations(src(other), -0.001, TOLD) == {"dst-a"}

    def test_and_was_changed_back_when_none_does_for_a_minute(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now = plus(TOLD, 5)
        process.forget("src", TOLD)
        src(process)
        world.now = plus(TOLD, SETTLING_SECONDS + 1)
        assert src(process).settled
        assert len(src(process).revisions) == 1

    @pytest.mark.parametrize("cold", [True, False])
    def test_after_a_read_noticed_it_keeps_the_exact_second_whoever_noticed(
        self, world: Kept, cold: bool
    ) -> None:
        first = world.process()
        src(first)
        world.now, world.rules["src"] = plus(TOLD, 10), ("dst-b",)
        first.forget(None, None)
        assert src(first).revisions[1].since == world.now
        world.wait(20)
        told = world.process() if cold else first
        told.forget("src", TOLD)
        for process in (told, world.process()):
            (_, revision) = src(process).revisions
            assert (revision.since, revision.told, revision.noticed_at) == (
                TOLD,
                True,
                plus(TOLD, 10),
            )
            assert src(process).settled

    def test_told_twice_is_one_revision(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 10), ("dst-b",)
        for one in (process, world.process(), world.process()):
            one.forget("src", TOLD)
            history = src(one)
            assert (len(history.revisions), history.settled) == (2, True)

    def test_dates_no_change_that_came_after_a_read_of_the_old_rules(self, world: Kept) -> None:
        """A read after that second still showed them: what is new came between two reads."""
        process = world.process()
        src(process)
        world.now = plus(TOLD, 30)
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 60), ("dst-b",)
        process.forget("src", TOLD)
        (_, revision) = src(process).revisions
        assert not revision.told
        assert len(src(process).met(plus(TOLD, 45))) == 2

    def test_dates_one_change_and_not_the_next(self, world: Kept) -> None:
        """The second of a change that a read has shown in it says nothing of a later one."""
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 0.4), ("dst-b",)
        process.forget(None, None)
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 15), ("dst-c",)
        process.forget("src", TOLD)
        history = src(process)
        assert history.current.destinations == {"dst-c"}
        assert len(history.met(plus(TOLD, 10))) > 1

    def test_of_a_change_is_not_that_of_the_next_when_it_is_told_again(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 2), ("dst-b",)
        process.forget("src", TOLD)
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 40), ("dst-a", "dst-b")
        process.forget(None, None)
        before = src(process)
        process.forget("src", TOLD)
        assert src(process).revisions == before.revisions
        assert len(before.met(plus(TOLD, 2.5))) == 2

    def test_that_may_be_of_either_of_two_changes_dates_neither(self, world: Kept) -> None:
        process = world.process()
        src(process)
        for seconds, rules in ((30, ("dst-b",)), (60, ("dst-a", "dst-b"))):
            world.now, world.rules["src"] = plus(TOLD, seconds), rules
            process.forget(None, None)
            src(process)
        before = src(process)
        process.forget("src", TOLD)
        assert src(process).revisions == before.revisions
        assert len(before.met(plus(TOLD, 20))) == 3

    def test_that_another_process_noticed_meanwhile_is_one_revision(self, world: Kept) -> None:
        """Both began to read at once; the second to answer must not date it anew."""
        first, second = world.process(), world.process()
        src(first)
        src(second)
        world.now, world.rules["src"] = plus(TOLD, 10), ("dst-b",)
        ask = world.get_bucket_replication

        def overtaken(*, Bucket: str) -> object:  # noqa: N803
            world.get_bucket_replication = ask  # type: ignore[method-assign]
            first.forget("src", TOLD)
            src(first)
            return ask(Bucket=Bucket)

        world.get_bucket_replication = overtaken  # type: ignore[assignment,method-assign]
        second.forget(None, None)
        (_, revision) = src(second).revisions
        assert (revision.since, revision.told) == (TOLD, True)

    def test_of_another_bucket_touches_nothing(self, world: Kept) -> None:
        process = world.process()
        src(process)
        process.forget("stranger", TOLD)
        assert src(process).settled

    def test_several_told_between_two_reads_leave_all_between_in_doubt(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 30), ("dst-b",)
        process.forget("src", plus(TOLD, -20))
        process.forget("src", TOLD)
        history = src(process)
        assert history.revisions[-1].since == TOLD
        for seconds in (-20, -10, 0.5):
            assert len(history.met(plus(TOLD, seconds))) == 2
        assert len(history.met(plus(TOLD, -21))) == 1

    def test_an_earlier_one_that_is_told_later_widens_the_doubt(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 30), ("dst-b",)
        process.forget(None, None)
        src(process)
        process.forget("src", TOLD)
        src(process)
        process.forget("src", plus(TOLD, -20))
        src(process)
        history = src(world.process())
        assert (history.revisions[-1].since, history.revisions[-1].told) == (TOLD, True)
        assert len(history.met(plus(TOLD, -10))) == 2

    def test_a_later_one_that_is_told_later_widens_it_too(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.now, world.rules["src"] = plus(TOLD, 30), ("dst-b",)
        process.forget("src", TOLD)
        src(process)
        process.forget("src", plus(TOLD, 10))
        src(process)
        history = src(world.process())
        assert history.revisions[-1].since == plus(TOLD, 10)
        assert len(history.met(plus(TOLD, 5))) == 2

    def test_that_no_read_shows_leaves_the_time_between_in_doubt(self, world: Kept) -> None:
        """Put and taken back before anybody read it: what was written then met unknown rules."""
        process = world.process()
        src(process)
        world.now = plus(TOLD, 30)
        src(process)
        process.forget("src", plus(TOLD, -20))
        process.forget("src", TOLD)
        src(process)
        world.wait(SETTLING_SECONDS)
        assert src(process).settled
        world.wait(HOUR)
        assert src(process).in_doubt(plus(TOLD, -10))

    @pytest.mark.parametrize("changes", [1, 2, 3])
    def test_in_the_second_of_a_read_comes_after_what_was_read(
        self, world: Kept, changes: int
    ) -> None:
        """CloudTrail tells 10:00:00 of what came after a read at 10:00:00.400."""
        process = world.process()
        src(process)
        for number in range(changes):
            world.rules["src"] = (f"new-{number}",)
            process.forget("src", Instant("2026-11-22T10:00:00.000Z"))
            assert src(process).current.destinations == {f"new-{number}"}
        history = src(world.process())
        assert history.current.destinations == {f"new-{changes - 1}"}
        times = [revision.since for revision in history.revisions]
        assert times == sorted(set(times))


class TestTheReadMark:
    """What ends the doubt about everything that is newer than the rules."""

    def test_is_that_of_each_process_and_of_all_when_the_schedule_asks(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.wait(HOUR)
        assert src(process).read_at == world.now
        assert world.table.load("src").read_at == NOW  # type: ignore[union-attr]
        world.wait(1)
        process.forget(None, None)
        src(process)
        assert world.table.load("src").read_at == world.now  # type: ignore[union-attr]

    def test_is_when_the_read_began(self, world: Kept) -> None:
        """A rule that is added while S3 answers is newer."""
        process = world.process()
        src(process)
        world.wait(HOUR)
        began, ask = world.now, world.get_bucket_replication

        def slow(*, Bucket: str) -> object:  # noqa: N803
            world.wait(2)
            return ask(Bucket=Bucket)

        world.get_bucket_replication = slow  # type: ignore[assignment,method-assign]
        assert src(process).read_at == began

    def test_does_not_move_while_s3_does_not_answer(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.wait(HOUR)
        world.rules["src"] = refused("SlowDown")
        history = src(process)
        assert history.read_at == NOW
        assert history.in_doubt(plus(world.now, -60))

    def test_a_second_read_is_asked_for_when_it_is_needed(self, world: Kept) -> None:
        process = world.process()
        src(process)
        world.wait(1)
        world.rules["src"] = ("dst-b",)
        history = process.reread("src")
        assert history is not None
        assert history.current.destinations == {"dst-b"}


class TestADestinationOfManyObjectsOfItsOwn:
    def test_is_learnt_and_known_to_every_process(self, world: Kept) -> None:
        process = world.process()
        for _ in range(MANY_OWN - 1):
            process.note_own("dst-a")
        assert not process.takes_own("dst-a")
        process.note_own("dst-a")
        assert process.takes_own("dst-a")
        assert world.process().takes_own("dst-a")

    def test_is_forgotten_when_it_is_not_seen_any_more(self, world: Kept) -> None:
        process = world.process()
        for _ in range(MANY_OWN):
            process.note_own("dst-a")
        world.wait(3 * 86_400)
        assert not process.takes_own("dst-a")


def test_what_a_process_learns_counts_in_it_at_once(world: Kept) -> None:
    process = world.process()
    src(process)
    process.note_destination("src", "stranger")
    process.note_replicas(ObjectVersion("src", "logs/2026/k", "v1"))
    assert "stranger" in src(process).destinations
    assert src(process).may_be_replica("logs/other")
    assert not src(process).may_be_replica("k")
    others = src(world.process())
    assert (others.others, others.replicas_under) == (("stranger",), ("logs/",))
