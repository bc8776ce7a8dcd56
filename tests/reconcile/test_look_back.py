"""A change of the rules is looked back at, once every process has read it."""

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from reconcile.look_back import LookBacks
from reconcile.reconciler import PAGE, RESERVE_SECONDS, Reconciler
from replication.errors import Denied, Unavailable
from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.ledger.schedule import LookBack, Schedule
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.rule_history import NOTICE_SECONDS, Revision, RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.laws.memory import MemoryIndex
from tests.reconcile.test_reconciler import MemoryFindings
from tests.support.fakes import MemoryLedger, MemoryObjects, rule

if TYPE_CHECKING:
    from replication.ledger.index import Position

CHANGE = Instant("2026-11-22T10:00:00.000Z")
BEFORE = plus(CHANGE, -86_400)
LATER = plus(CHANGE, 600)
WORK = LookBack("src", (CHANGE,))
OLD, NEW = Configuration((rule("dst"),)), Configuration((rule("dst"), rule("added")))


def reads(status: str | None) -> Head:
    return Head(status, delete_marker=False, last_modified=CHANGE)


def version(name: str = "k") -> ObjectVersion:
    return ObjectVersion("src", name, "v1")


def written(seconds: float, name: str = "k", kind: Kind = Kind.REQUESTED, **more: object) -> Fact:
    """The creation of a version, so long after the change."""
    known: dict[str, object] = {
        "destination": "dst" if kind is Kind.REQUESTED else "",
        "evidence": Evidence.OBJECT_CREATED,
        "id": f"{name}-{seconds}",
    }
    return Fact(kind, version(name), at=plus(CHANGE, seconds), **(known | more))  # type: ignore[arg-type]


@dataclass
class World:
    """A source bucket whose rules changed a while ago, and a reconciler that looks back at it."""

    before: Configuration = OLD
    after: Configuration = NEW
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)
    findings: MemoryFindings = field(default_factory=MemoryFindings)
    schedule: Schedule = field(default_factory=Schedule)

    def __post_init__(self) -> None:
        first = Revision(BEFORE, self.before, not_before=BEFORE)
        second = Revision(
            CHANGE, self.after, plus(CHANGE, -60), noticed_at=CHANGE, looked_back=False
        )
        self.history = RuleHistory("src", (first, second), read_at=LATER)
        self.now = LATER
        self.index = MemoryIndex(self.ledger)
        self.reconciler = Reconciler(
            index=self.index,
            ledger=self.ledger,
            objects=self.objects,
            findings=self.findings,
            histories=lambda: {"src": self.history},
            schedule=self.schedule,
            shards=1,
            now=lambda: self.now,
        )
        self.looking = LookBacks(self.reconciler, self.done)

    def done(self, bucket: str, since: Instant) -> None:
        assert bucket == "src"
        self.history = replace(
            self.history,
            revisions=tuple(
                replace(one, looked_back=True) if one.since == since else one
                for one in self.history.revisions
            ),
        )

    def knows(self, *facts: Fact) -> None:
        self.ledger.write([Claim(fact) for fact in facts])

    def state(self, name: str = "k", destination: str = "dst") -> State:
        return self.ledger.records[version(name), destination].state

    def work_off(self) -> None:
        rest, _ = self.looking.work_off(WORK)
        assert rest is None


class TestAVersionWrittenAboutTheChange:
    """A process that had not read the new rules recorded it by the old ones."""

    def test_is_found_at_the_destination_that_the_new_rules_added(self) -> None:
        world = World()
        world.knows(written(20))
        world.objects.heads = {
            version(): reads("COMPLETED"),
            version().in_bucket("dst"): reads("REPLICA"),
            version().in_bucket("added"): reads("REPLICA"),
        }
        world.work_off()
        assert world.state(destination="added").status is Status.COMPLETED
        assert world.state().status is Status.COMPLETED

    def test_is_found_out_of_a_destination_that_they_took_away(self) -> None:
        world = World(before=NEW, after=OLD)
        world.knows(written(20), written(20, destination="added"))
        world.objects.heads = {
            version(): reads("COMPLETED"),
            version().in_bucket("dst"): reads("REPLICA"),
        }
        world.work_off()
        assert world.state().status is Status.COMPLETED
        assert world.state(destination="added").is_ruled_out

    def test_is_asked_about_whatever_its_status(self) -> None:
        """Its aggregate was COMPLETED long before anybody knew of the second destination."""
        world = World()
        arrived = written(25, kind=Kind.ARRIVED, destination="dst")
        world.knows(written(20), replace(arrived, evidence=Evidence.REPLICA_CREATED))
        world.objects.heads = {
            version(): reads("PENDING"),
            version().in_bucket("dst"): reads("REPLICA"),
        }
        world.work_off()
        added = world.state(destination="added")
        assert (added.status, added.in_doubt) == (Status.PENDING, True)
        assert world.state().status is Status.COMPLETED

    def test_is_asked_about_once_although_each_destination_lists_it(self) -> None:
        world = World(before=NEW, after=OLD)
        world.knows(written(20), written(20, destination="added"))
        world.objects.heads = {version(): reads("PENDING")}
        world.work_off()
        assert world.objects.asked.count("head src") == 1

    def test_is_let_be_when_the_rules_of_now_explain_it_for_certain(self) -> None:
        world = World()
        for seconds, name in ((-200, "old"), (20, "new")):
            world.knows(written(seconds, name))
        world.knows(written(20, "new", destination="added"))
        world.work_off()
        assert world.objects.asked == []

    def test_is_asked_about_when_the_rules_could_not_be_read_then(self) -> None:
        world = World()
        world.knows(written(20, kind=Kind.POSSIBLE, in_doubt=True))
        world.objects.heads = {
            version(): reads("COMPLETED"),
            version().in_bucket("added"): reads("REPLICA"),
        }
        world.work_off()
        assert world.state(destination="added").status is Status.COMPLETED
        assert not world.state(destination="").in_doubt

    def test_that_may_not_be_looked_at_is_in_doubt_where_it_may_be_due(self) -> None:
        world = World()
        world.knows(written(20))
        world.objects.denied = {"src"}
        world.work_off()
        added = world.state(destination="added")
        assert (added.status, added.in_doubt) == (None, True)
        assert world.findings.denied == ["src"]

    @pytest.mark.parametrize("denied", [False, True])
    def test_lacks_it_since_it_was_written_and_not_since_somebody_looked(
        self, denied: bool
    ) -> None:
        """Otherwise the watermark jumps over it once the look back is done."""
        world = World()
        world.knows(written(20))
        world.objects.heads = {
            version(): Head("PENDING", False, plus(CHANGE, 20)),
            version().in_bucket("dst"): reads("REPLICA"),
        }
        world.objects.denied = {"src"} if denied else set()
        world.work_off()
        assert world.state(destination="added").outstanding_since == plus(CHANGE, 20)

    def test_that_was_written_long_before_or_after_is_none_of_these(self) -> None:
        world = World()
        first, last = world.history.revisions[1].look_back
        assert (first, last) == (plus(CHANGE, -120), plus(CHANGE, NOTICE_SECONDS))
        world.knows(written(-121, "before"), written(NOTICE_SECONDS + 1, "after"))
        world.work_off()
        assert world.objects.asked == []

    def test_that_is_gone_has_ended(self) -> None:
        world = World()
        world.knows(written(20))
        world.work_off()
        assert world.state().deleted_at == LATER


class TestGoingOn:
    def many(self, number: int) -> World:
        world = World()
        world.knows(*(written(20, f"k{n:04d}") for n in range(number)))
        world.objects.heads = {version(f"k{n:04d}"): reads("COMPLETED") for n in range(number)}
        for n in range(number):
            for name in ("dst", "added"):
                world.objects.heads[version(f"k{n:04d}").in_bucket(name)] = reads("REPLICA")
        return world

    def test_page_after_page_to_the_end(self) -> None:
        world = self.many(2 * PAGE + 3)
        world.work_off()
        states = [world.state(f"k{n:04d}", "added").status for n in range(2 * PAGE + 3)]
        assert set(states) == {Status.COMPLETED}

    def test_by_a_message_each_when_time_runs_out(self) -> None:
        world = self.many(2 * PAGE + 3)
        work: LookBack | None = WORK
        seen: list[tuple[int, Position | None]] = []
        for _ in range(60):
            assert work is not None
            work, _counts = world.looking.work_off(work, lambda: RESERVE_SECONDS - 1)
            if work is None:
                break
            seen.append((work.stage, work.after))
            assert not world.history.revisions[1].looked_back
        assert work is None
        assert seen == sorted(seen, key=lambda one: (one[0], one[1] or ("", "")))
        assert world.history.revisions[1].looked_back
        states = [world.state(f"k{n:04d}", "added").status for n in range(2 * PAGE + 3)]
        assert set(states) == {Status.COMPLETED}

    def test_goes_on_where_s3_did_not_answer_and_vouches_for_nothing_before(self) -> None:
        world = World()
        world.knows(written(20))
        world.objects.silent = {version()}
        rest, _ = world.looking.work_off(WORK)
        assert rest is not None
        assert not world.history.revisions[1].looked_back
        with pytest.raises(Unavailable):
            world.looking.work_off(rest)
        world.objects.silent = set()
        assert world.looking.work_off(rest)[0] is None
        assert world.history.revisions[1].looked_back

    def test_of_a_revision_that_was_looked_back_at_costs_nothing(self) -> None:
        world = self.many(1)
        world.work_off()
        asked = len(world.objects.asked)
        world.work_off()
        assert len(world.objects.asked) == asked

    def test_of_a_revision_that_is_no_more_is_done(self) -> None:
        world = World()
        rest, counts = world.looking.work_off(replace(WORK, since=(plus(CHANGE, 5),)))
        assert (rest, +counts) == (None, {})

    def test_of_a_bucket_nobody_tracks_any_more_is_done(self) -> None:
        rest, counts = World().looking.work_off(LookBack("gone", (CHANGE,)))
        assert (rest, +counts) == (None, {})


class TestWhatTheTrackerVouchesFor:
    def test_ends_before_the_change_until_it_was_looked_back_at(self) -> None:
        world = World()
        assert world.history.certain_until == plus(CHANGE, -120)
        world.work_off()
        assert world.history.certain_until == world.history.read_at == LATER

    def test_a_denied_version_ends_no_look_and_is_in_doubt_by_itself(self) -> None:
        world = World()
        world.knows(written(20))
        world.objects.fault = Denied("s3:GetObjectVersion", "src")
        world.work_off()
        assert world.history.revisions[1].looked_back
        found = world.ledger.states(version())
        assert {name: (one.status, one.in_doubt) for name, one in found.items()} == {
            "dst": (Status.PENDING, True),
            "added": (None, True),
        }


class TestThePlan:
    GRACE = NOTICE_SECONDS + Schedule().doubtful_seconds
    """By then every process has read the rules, and events of the time were recorded."""

    def planned(self, world: World, last: float, now: float) -> tuple[LookBack, ...]:
        return world.reconciler.plan(plus(CHANGE, last), plus(CHANGE, now)).look_backs

    def test_looks_back_once_the_grace_is_over(self) -> None:
        world = World()
        assert self.planned(world, 0, self.GRACE - 1) == ()
        assert self.planned(world, self.GRACE - 1, self.GRACE + 1) == (WORK,)
        assert self.planned(world, self.GRACE + 1, self.GRACE + 300) == ()

    def test_and_again_until_it_has_come_to_its_end(self) -> None:
        world, begun = World(), 0
        for tick in range(0, 6 * 3600, 300):
            begun += len(self.planned(world, tick, tick + 300))
        assert 6 <= begun <= 12
        world.work_off()
        for tick in range(6 * 3600, 12 * 3600, 300):
            assert self.planned(world, tick, tick + 300) == ()

    def test_ticks_that_were_missed_are_made_up_for(self) -> None:
        assert self.planned(World(), -3600, 5 * 3600) == (WORK,)

    def test_the_first_rules_a_bucket_was_read_with_are_no_change(self) -> None:
        world = World()
        world.history = replace(world.history, revisions=world.history.revisions[:1])
        assert self.planned(world, 0, 86_400) == ()
