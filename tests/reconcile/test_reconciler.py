"""What becomes due when, what a look changes, and what looking costs."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.reconciler import PAGE, Planned, Reconciler, WindowResult
from replication.aws.windows import decode, encode
from replication.errors import Denied, Unavailable
from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.index import Position, Route
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim
from replication.ledger.schedule import Schedule, Window
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, seconds_between
from tests.support.fakes import MemoryLedger, MemoryObjects, history, rule

NOW = Instant("2026-11-22T10:00:00.000Z")
ROUTE = Route("src", "dst", 0)
HOUR = 3600.0
DUE = HOUR + 1
"""Due at the tick that ends now: a window ends before the age itself."""


@given(
    written=st.integers(0, 40 * 24 * 3600),
    ticks=st.lists(st.integers(1, 20 * 3600), min_size=1, max_size=12),
)
def test_whatever_came_of_age_since_the_last_tick_is_due_once(
    written: int, ticks: list[int]
) -> None:
    """Late, early or missed ticks skip no age; several of one tick are one look."""
    schedule, since, last = Schedule(), plus(NOW, -written), NOW

    def looks(at: Instant) -> int:
        # An age that falls on the very millisecond of a tick belongs to the next one.
        age = seconds_between(since, at) - 0.001
        return schedule.looks(age / HOUR) + (age >= schedule.doubtful_seconds)

    for seconds in ticks:
        now = plus(last, seconds)
        windows = list(schedule.windows(ROUTE, Status.PENDING, last, now, since))
        assert sum(w.since <= since < w.until for w in windows) == (looks(now) > looks(last))
        assert all(older.until < newer.since for newer, older in pairwise(windows))
        last = now


def test_the_cost_of_stuck_versions_is_bounded() -> None:
    """What docs/costs.md states, from the schedule itself."""
    looks = [Schedule().looks(hours) for hours in (1, 24, 48, 30 * 24, 31 * 24)]
    assert looks == [3, 8, 9, 37, 37]
    a_million_an_hour = 1_000_000 * (Schedule().looks(240) - Schedule().looks(216)) / 24
    assert a_million_an_hour == pytest.approx(41_667, abs=1)


def test_an_hour_is_expected_without_time_control_and_15_minutes_with_it() -> None:
    assert Schedule().expected_seconds(time_control=False) == HOUR
    assert Schedule().expected_seconds(time_control=True) == 900
    assert Schedule().stale_seconds == 24 * HOUR


def audited(share: float, hours: float = 24) -> list[Window]:
    return list(
        Schedule(audited=share).sample(
            Window(ROUTE, Status.COMPLETED, NOW, plus(NOW, hours * HOUR))
        )
    )


def test_all_of_a_window_is_one_window_and_none_is_none() -> None:
    assert audited(1) == [Window(ROUTE, Status.COMPLETED, NOW, plus(NOW, 24 * HOUR))]
    assert audited(0) == []


def test_the_sample_is_about_as_large_as_it_should_be_and_grows_with_its_share() -> None:
    small, large = audited(0.01), audited(0.02)
    assert 60 <= len(small) <= 115, "one in a hundred of the 8,640 slices of a day"
    assert set(small) < set(large)
    assert all(seconds_between(one.since, one.until) == 10 for one in small)


@given(st.lists(st.floats(1, 86_399), max_size=6), st.sampled_from([0.01, 0.1, 0.5]))
def test_the_sample_is_the_same_however_the_ticks_cut_the_time(
    cuts: list[float], share: float
) -> None:
    whole = Window(ROUTE, Status.COMPLETED, NOW, plus(NOW, 24 * HOUR))
    ends = [NOW, *sorted({plus(NOW, cut) for cut in cuts}), whole.until]
    schedule = Schedule(audited=share)
    parts = [
        part
        for since, until in pairwise(ends)
        for part in schedule.sample(replace(whole, since=since, until=until))
    ]
    moments = [plus(NOW, seconds + 0.5) for seconds in range(0, 86_400, 97)]

    def has(windows: Sequence[Window], at: Instant) -> bool:
        return any(one.since <= at < one.until for one in windows)

    found = list(schedule.sample(whole))
    assert [has(parts, at) for at in moments] == [has(found, at) for at in moments]


@given(st.none() | st.builds(Position, st.just(str(NOW)), st.just("0" * 16)))
def test_a_window_comes_out_of_the_queue_as_it_went_in(after: Position | None) -> None:
    window = Window(ROUTE, Status.COMPLETED, NOW, plus(NOW, 1), after)
    assert decode(encode(window)) == window


@dataclass
class MemoryIndex:
    """The index over a MemoryLedger."""

    ledger: MemoryLedger

    def rows(self, status: Status | None) -> list[tuple[Position, LedgerItem]]:
        return sorted(
            (
                (Position(str(record.state.since), f"{number:016x}"), LedgerItem(*key, record))
                for number, (key, record) in enumerate(self.ledger.records.items())
                if record.state.status is status and (status or record.state.in_doubt)
            ),
            key=lambda row: row[0],
        )

    def oldest(self, route: Route, status: Status | None) -> LedgerItem | None:
        found = [one for _, one in self.rows(status) if one.destination == route.destination]
        return found[0] if found else None

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, LedgerItem]], Position | None]:
        rows = [
            (position, stored)
            for position, stored in self.rows(window.status)
            if window.since <= position.since < window.until
            and stored.destination == window.route.destination
            and (window.after is None or position > window.after)
        ]
        return rows[:limit], rows[limit - 1][0] if len(rows) > limit else None


@dataclass
class MemoryFindings:
    denied: list[str] = field(default_factory=list)

    def note(self, denied: Denied, now: Instant) -> None:
        self.denied.append(denied.bucket)


class World:
    """A reconciler of two destinations among its ports in memory."""

    def __init__(self, time_control: bool = False) -> None:
        self.ledger = MemoryLedger()
        self.objects = MemoryObjects()
        self.findings = MemoryFindings()
        minutes = 15 if time_control else None
        # Which versions go to dst-b as well, each test says itself.
        rules = [
            rule(name, prefix, threshold_minutes=minutes)
            for name, prefix in (("dst", ""), ("dst-b", "elsewhere/"))
        ]
        self.reconciler = Reconciler(
            index=MemoryIndex(self.ledger),
            ledger=self.ledger,
            objects=self.objects,
            findings=self.findings,
            histories=lambda: {"src": history("src", *rules), "never-read": None},
            schedule=Schedule(audited=1),
            shards=1,
            now=lambda: NOW,
        )

    def written(self, seconds_ago: float, key: str = "k", *names: str) -> ObjectVersion:
        version = ObjectVersion("src", key, "v1")
        for name in names or ("dst",):
            fact = Fact(
                kind=Kind.REQUESTED,
                version=version,
                destination=name,
                at=plus(NOW, -seconds_ago),
                evidence=Evidence.OBJECT_CREATED,
                id="created",
                rule_id=f"to-{name}",
            )
            self.ledger.write([Claim(fact)])
        return version

    def says(self, version: ObjectVersion, status: str | None) -> None:
        self.objects.heads[version] = Head(status, delete_marker=False, last_modified=NOW)

    def status(self, version: ObjectVersion, name: str = "dst") -> Status | None:
        return self.ledger.records[version, name].state.status

    def planned(self, *, tick: float = 300) -> Planned:
        return self.reconciler.plan(plus(NOW, -tick), NOW)

    def checked(self) -> WindowResult:
        """What came of the window that has the versions due just now."""
        return self.reconciler.work_off(self.due())

    def due(self) -> Window:
        return next(
            one
            for one in self.planned().windows
            if one.status is Status.PENDING and one.since <= plus(NOW, -DUE) < one.until
        )

    def work_off(self, *, tick: float = 300) -> dict[str, int]:
        """One tick and all its windows."""
        counts: dict[str, int] = {}
        windows = list(self.reconciler.plan(plus(NOW, -tick), NOW).windows)
        while windows:
            checked = self.reconciler.work_off(windows.pop())
            windows += [checked.rest] if checked.rest else []
            for name, count in checked.counts.items():
                counts[name] = counts.get(name, 0) + count
        return counts


def test_a_lost_arrival_is_found_by_asking_the_source() -> None:
    world = World()
    version = world.written(DUE)
    world.says(version, "COMPLETED")
    assert world.work_off()["found_completed"] == 1
    assert world.status(version) is Status.COMPLETED
    assert world.ledger.records[version, "dst"].state.evidence is Evidence.HEAD_SOURCE


@pytest.mark.parametrize("age", [120, 300, 900])
def test_where_no_event_reports_arrivals_heads_come_at_2_5_and_15_minutes(age: float) -> None:
    for deaf, found in ((True, 1), (False, 0)):
        world = World()
        world.reconciler = replace(world.reconciler, deaf={"dst": deaf}.__getitem__)
        version = world.written(age + 1)
        world.says(version, "COMPLETED")
        assert world.work_off(tick=2).get("found_completed", 0) == found
    assert Schedule().noticed_seconds == 75 * 60


def test_of_two_destinations_the_one_without_events_is_asked_about_early() -> None:
    world = World()
    world.reconciler = replace(world.reconciler, deaf=lambda name: name == "dst-b")
    version = world.written(121, "elsewhere/k", "dst", "dst-b")
    world.says(version, "COMPLETED")
    assert world.work_off(tick=2)["checked_versions"] == 1
    assert world.status(version, "dst-b") is Status.COMPLETED


def test_a_status_without_a_destination_hides_no_version() -> None:
    """An inventory told it; it stands in no list, so it must not stand for those that do."""
    world = World()
    version = world.written(DUE)
    listed = Fact(
        kind=Kind.OBSERVED,
        version=version,
        destination="",
        at=plus(NOW, -DUE),
        evidence=Evidence.INVENTORY,
        id="inventory",
        status=Status.PENDING,
    )
    world.ledger.write([Claim(listed)])
    world.says(version, "COMPLETED")
    assert world.work_off()["found_completed"] == 1


def test_a_failure_nobody_told_is_found() -> None:
    world = World()
    version = world.written(DUE)
    world.says(version, "FAILED")
    assert world.work_off()["found_failed"] == 1
    assert world.status(version) is Status.FAILED


@pytest.mark.parametrize(("time_control", "asked"), [(True, ["head src"]), (False, [])])
def test_after_15_minutes_only_objects_under_time_control_are_asked_about(
    time_control: bool, asked: list[str]
) -> None:
    world = World(time_control)
    world.says(world.written(15 * 60 + 1), "PENDING")
    world.work_off()
    assert world.objects.asked == asked


def test_what_was_looked_at_is_left_alone_until_its_next_age() -> None:
    world = World()
    world.says(world.written(HOUR + 301), "PENDING")
    world.work_off()
    assert world.objects.asked == []


def test_a_pending_version_that_never_ends_is_observed_and_never_called_failed() -> None:
    world = World()
    version = world.written(48 * HOUR + 1)
    world.says(version, "PENDING")
    assert world.work_off()["checked_versions"] == 1
    state = world.ledger.records[version, "dst"].state
    assert (state.status, state.observed_at) == (Status.PENDING, NOW)
    assert state.since == plus(NOW, -48 * HOUR - 1)
    planned = world.reconciler.plan(plus(NOW, -300), NOW)
    assert planned.oldest_pending_seconds == 48 * HOUR + 1


def test_a_version_is_asked_about_once_although_it_waits_at_two_destinations() -> None:
    world = World()
    version = world.written(DUE, "k", "dst", "dst-b")
    world.says(version, "COMPLETED")
    world.work_off()
    assert world.objects.asked == ["head src"]
    assert world.status(version, "dst-b") is Status.COMPLETED


def test_pages_go_on_where_they_stopped_until_all_is_done() -> None:
    world = World()
    for number in range(2 * PAGE + 5):
        world.says(world.written(DUE, f"k{number}"), "COMPLETED")
    assert world.work_off()["found_completed"] == 2 * PAGE + 5


def test_a_denied_look_is_a_finding_and_no_status() -> None:
    world = World()
    version = world.written(DUE)
    before = world.ledger.records[version, "dst"]
    world.objects.fault = Denied("s3:GetObjectVersion", "src")
    assert world.work_off()["denied_checks"] == 1
    assert world.findings.denied == ["src"]
    assert world.ledger.records[version, "dst"] == before


def test_a_version_s3_does_not_answer_for_keeps_no_other_waiting() -> None:
    """It becomes a window of its own, and the pages behind it are worked off."""
    world = World()
    silent = world.written(DUE)
    others = [world.written(DUE - 0.001 * (n + 1), key=f"other/{n}") for n in range(150)]
    for version in others:
        world.says(version, "COMPLETED")
    world.objects.silent.add(silent)
    checked = world.checked()
    assert checked.rest is None
    assert all(world.ledger.records[one, "dst"].state.arrived_at for one in others)
    (again,) = checked.again
    assert (again.since, again.attempt) == (plus(NOW, -DUE), 1)
    world.objects.silent.clear()
    world.says(silent, "COMPLETED")
    world.reconciler.work_off(again)
    assert world.ledger.records[silent, "dst"].state.status is Status.COMPLETED


def test_a_destination_whose_item_was_not_written_is_looked_at_all_the_same() -> None:
    """Its message came back to the queue; the rules say that the version goes there, too."""
    world = World()
    version = world.written(DUE, "elsewhere/k")
    world.says(version, "FAILED")
    world.objects.heads[version.in_bucket("dst")] = Head("REPLICA", False, NOW)
    world.work_off()
    assert world.status(version) is Status.COMPLETED
    assert world.status(version, "dst-b") is Status.FAILED


def test_a_version_s3_never_answers_for_is_left_to_its_next_age() -> None:
    world = World()
    world.objects.silent.add(world.written(DUE))
    (window,) = world.checked().again
    for _ in range(4):
        (window,) = world.reconciler.work_off(window).again
    assert world.reconciler.work_off(window).again == ()


def test_a_window_goes_on_in_another_message_when_time_is_short() -> None:
    world = World()
    for number in range(150):
        world.says(world.written(DUE, key=f"key/{number}"), "COMPLETED")
    checked = world.reconciler.work_off(world.due(), lambda: 1.0)
    assert checked.rest is not None
    assert checked.counts["checked_versions"] == 100
    assert world.reconciler.work_off(checked.rest, lambda: 1.0).rest is None


def test_a_write_that_fails_brings_the_window_back() -> None:
    world = World()
    version = world.written(DUE)
    world.says(version, "COMPLETED")
    world.ledger.refuse = {(version, "dst"): Unavailable("throttled")}
    with pytest.raises(Unavailable, match="throttled"):
        world.work_off()


def arrived(world: World, version: ObjectVersion, seconds_ago: float) -> None:
    fact = Fact(
        kind=Kind.ARRIVED,
        version=version,
        destination="dst",
        at=plus(NOW, -seconds_ago),
        evidence=Evidence.REPLICA_CREATED,
        id="arrived",
    )
    world.ledger.write([Claim(fact)])


class TestAudit:
    def test_finds_a_failure_behind_a_replica_that_arrived(self) -> None:
        world = World()
        version = world.written(2 * HOUR)
        arrived(world, version, DUE)
        world.says(version, "FAILED")
        world.says(ObjectVersion("dst", "k", "v1"), "REPLICA")
        assert world.work_off()["found_failed"] == 1
        assert world.ledger.records[version, "dst"].state.arrived_at is not None

    def test_finds_a_replica_that_is_gone(self) -> None:
        world = World()
        version = world.written(2 * HOUR)
        arrived(world, version, DUE)
        world.says(version, "COMPLETED")
        assert world.work_off()["found_replica_lost"] == 1
        assert world.ledger.records[version, "dst"].state.lost_at == NOW

    def test_finds_a_version_its_rule_left_behind(self) -> None:
        world = World()
        version = world.written(2 * HOUR)
        arrived(world, version, DUE)
        world.says(version, None)
        assert world.work_off()["found_without_rule"] == 1

    def test_of_what_is_right_changes_nothing(self) -> None:
        world = World()
        version = world.written(2 * HOUR)
        arrived(world, version, DUE)
        world.says(version, "COMPLETED")
        world.says(ObjectVersion("dst", "k", "v1"), "REPLICA")
        before = world.ledger.records[version, "dst"].state
        assert world.work_off()["checked_versions"] == 1
        after = world.ledger.records[version, "dst"].state
        assert (after.status, after.since) == (before.status, before.since)


def test_the_fold_of_what_a_look_saw_keeps_an_events_own_words() -> None:
    """A failure that an event explained keeps its code when HEAD merely confirms it."""
    world = World()
    version = world.written(DUE)
    failure = Fact(
        kind=Kind.FAILED,
        version=version,
        destination="dst",
        at=plus(NOW, -30),
        evidence=Evidence.REPLICATION_EVENT,
        id="failed",
        failure_code="DstBucketNotFound",
    )
    seen = Fact(
        kind=Kind.OBSERVED,
        version=version,
        destination="dst",
        at=NOW,
        evidence=Evidence.HEAD_SOURCE,
        id="head",
        status=Status.FAILED,
    )
    state = fold([failure, seen]).state
    assert (state.failure_code, state.since) == ("DstBucketNotFound", plus(NOW, -30))


class TestFailures:
    """A failure is looked at like a finished version, all of them and not a sample."""

    def failed(self, world: World, seconds_ago: float) -> ObjectVersion:
        version = world.written(seconds_ago + 60)
        fact = Fact(
            kind=Kind.FAILED,
            version=version,
            destination="dst",
            at=plus(NOW, -seconds_ago),
            evidence=Evidence.REPLICATION_EVENT,
            id="failed",
            failure_code="DstBucketNotFound",
        )
        world.ledger.write([Claim(fact)])
        return version

    @pytest.mark.parametrize("header", [Status.PENDING, Status.COMPLETED])
    def test_that_a_job_repaired_are_found(self, header: Status) -> None:
        world = World()
        version = self.failed(world, DUE)
        world.says(version, header)
        assert world.work_off()[f"found_{header.lower()}"] == 1
        assert world.status(version) is header

    def test_of_versions_that_are_gone_end(self) -> None:
        world = World()
        version = self.failed(world, DUE)
        assert world.work_off()["found_source_deleted"] == 1
        assert world.ledger.records[version, "dst"].state.deleted_at == NOW

    def test_that_stand_keep_their_code(self) -> None:
        world = World()
        version = self.failed(world, DUE)
        world.says(version, "FAILED")
        assert world.work_off()["checked_versions"] == 1
        assert world.ledger.records[version, "dst"].state.failure_code == "DstBucketNotFound"


def test_an_arrival_whose_version_nobody_announced_leads_to_its_other_destinations() -> None:
    """The event of the creation was lost, and that of the second arrival too."""
    world = World()
    version = ObjectVersion("src", "elsewhere/k", "v1")
    arrived(world, version, DUE)
    world.says(version, "COMPLETED")
    for name in ("dst", "dst-b"):
        world.says(version.in_bucket(name), "REPLICA")
    assert world.work_off()["found_completed"] == 1
    assert world.status(version, "dst-b") is Status.COMPLETED


def test_a_destination_that_completed_later_has_an_audit_of_its_own() -> None:
    """Its window is another one than that of the destination before it."""
    world = World()
    version = world.written(3 * HOUR, "k", "dst", "dst-b")
    arrived(world, version, 2 * HOUR)
    fact = Fact(
        kind=Kind.ARRIVED,
        version=version,
        destination="dst-b",
        at=plus(NOW, -DUE),
        evidence=Evidence.REPLICA_CREATED,
        id="arrived",
    )
    world.ledger.write([Claim(fact)])
    world.says(version, "COMPLETED")
    world.says(ObjectVersion("dst", "k", "v1"), "REPLICA")
    assert world.work_off()["found_replica_lost"] == 1
    assert world.ledger.records[version, "dst-b"].state.lost_at == NOW


def test_time_control_at_one_destination_is_not_kept_waiting_by_another_without() -> None:
    world = World()
    rules = [rule("dst"), rule("dst-b", threshold_minutes=15)]
    world.reconciler = replace(world.reconciler, histories=lambda: {"src": history("src", *rules)})
    world.says(world.written(15 * 60 + 1, "k", "dst", "dst-b"), "PENDING")
    assert world.work_off()["checked_versions"] == 1
