"""Redrives that start by themselves: when, how much, and when no more."""

from dataclasses import replace

import pytest

from redrive.automatic import BY, DOLLARS_A_DAY, JOBS_A_DAY, VERSIONS_A_DAY
from replication.ledger.fact import Fact, Kind
from replication.ledger.state import Record
from replication.published.automatic import AutoRule, Spent, is_stopped
from replication.published.redrive import Redrive, RedriveState
from replication.s3.evidence import Evidence
from replication.times import plus
from tests.redrive.world import FAILED_AT, NOW, World, incident

RULE = AutoRule("src", "dst-a", "DstPutObjectNotPermitted")
MENDED = {"recovered_at": plus(NOW, -30), "last_failed_at": plus(NOW, -60), "failing": 2}


@pytest.fixture
def world() -> World:
    """Two versions that failed, and a route on which something arrived again."""
    world = World(rules=[RULE])
    world.fails("k1")
    world.fails("k2")
    world.incidents.incidents = [incident(**MENDED)]
    return world


def only(world: World) -> Redrive:
    (redrive_id,) = world.store.redrives
    return world.redrive(redrive_id)


def ended(world: World, redrive: Redrive, *succeeded: str) -> None:
    """The job of the redrive ends; all but `succeeded` fail again."""
    rows = dict.fromkeys(("k1", "k2"), "DstPutObjectNotPermitted") | dict.fromkeys(succeeded)
    uri = world.reported(redrive, rows)
    world.s3_says("Complete", 2, len(succeeded), 2 - len(succeeded))
    world.backfill.sent.clear()
    world.changed(str(redrive.jobs[0].job_id))
    world.read_by_backfill(uri)


def test_without_a_rule_nothing_starts_by_itself(world: World) -> None:
    world.rules = []
    world.tick(60)
    assert not world.store.redrives


def test_after_an_arrival_it_is_planned_and_started_and_says_who_when_and_why(
    world: World,
) -> None:
    world.tick(60)
    world.tick(60)
    redrive = only(world)
    assert redrive.state is RedriveState.RUNNING
    assert redrive.versions == 2
    assert (redrive.created_by, redrive.started_by) == (BY, BY)
    assert redrive.why == "src>dst-a:DstPutObjectNotPermitted, i1"
    assert redrive.started_at


@pytest.mark.parametrize(
    "state",
    [
        {"recovered_at": None},
        {"recovered_at": plus(NOW, -90)},
        {"failing": 0},
    ],
)
def test_without_an_arrival_since_or_a_failure_it_waits(
    world: World, state: dict[str, object]
) -> None:
    world.incidents.incidents = [incident(**{**MENDED, **state})]
    world.tick(60)
    assert not world.store.redrives


def test_another_code_is_no_matter_of_the_rule(world: World) -> None:
    world.rules = [replace(RULE, code="DstKmsKeyNotFound")]
    world.tick(60)
    assert not world.store.redrives


def test_a_bucket_has_one_open_redrive(world: World) -> None:
    world.started(bucket="src")
    for _ in range(3):
        world.tick(60)
    assert len(world.store.redrives) == 1


def test_it_goes_on_while_half_succeeds_and_stops_when_less_does(world: World) -> None:
    world.tick(60)
    world.tick(60)
    first = only(world)
    ended(world, first, "k1")
    assert not is_stopped(world.redrive(first.id))
    world.tick(60)
    world.tick(60)
    second = world.redrive(max(world.store.redrives))
    assert second.id != first.id
    ended(world, second)
    assert is_stopped(world.redrive(second.id))
    for _ in range(3):
        world.tick(60)
    assert len(world.store.redrives) == 2, "it stopped itself"
    world.incidents.incidents = [incident(**MENDED, id="i2")]
    world.tick(60)
    assert len(world.store.redrives) == 3, "the next incident is another matter"


def test_a_version_is_tried_three_times_at_most(world: World) -> None:
    tried = world.items.items[0]
    facts = tuple(
        Fact(
            kind=Kind.NOTED,
            version=tried.version,
            destination="dst-a",
            at=FAILED_AT,
            evidence=Evidence.BATCH_REPORT,
            id=f"batch-report:{number}",
        )
        for number in range(3)
    )
    world.items.items[0] = replace(tried, record=Record(tried.record.state, facts))
    world.tick(60)
    redrive = only(world)
    assert redrive.versions == 1
    (left_out,) = redrive.left_out
    assert (left_out.name, left_out.samples[0].key) == ("attempts", "k1")
    by_hand = world.planned(bucket="src", force=True)
    assert by_hand.versions == 2, "a person may try again"


@pytest.mark.parametrize(
    "spent",
    [
        Spent("2026-11-22", versions=VERSIONS_A_DAY - 1),
        Spent("2026-11-22", dollars=DOLLARS_A_DAY - 0.1),
    ],
)
def test_a_plan_over_a_ceiling_of_the_day_is_dropped(world: World, spent: Spent) -> None:
    world.notes.by_day["2026-11-22"] = spent
    world.tick(60)
    world.tick(60)
    redrive = only(world)
    assert redrive.state is RedriveState.CANCELLED
    assert "ceiling" in str(redrive.cancelled_by)
    assert not world.jobs.orders


def test_after_so_many_jobs_nothing_is_planned_until_tomorrow(world: World) -> None:
    world.notes.by_day["2026-11-22"] = Spent("2026-11-22", jobs=JOBS_A_DAY)
    world.tick(60)
    assert not world.store.redrives
    world.tick(24 * 3_600)
    assert world.store.redrives


def test_what_it_costs_is_counted(world: World) -> None:
    world.tick(60)
    world.tick(60)
    spent = world.notes.by_day["2026-11-22"]
    assert (spent.jobs, spent.versions) == (1, 2)
    assert spent.dollars == pytest.approx(0.25, abs=0.01)


def test_a_price_that_is_not_known_is_over_every_ceiling(world: World) -> None:
    world.fails("unsized", size=None)
    world.tick(60)
    world.tick(60)
    assert only(world).state is RedriveState.CANCELLED


@pytest.mark.parametrize("text", ["", "a", "a>b", "a:b", ">b:c", "a>:c", "a>b:"])
def test_what_is_no_rule(text: str) -> None:
    with pytest.raises(ValueError, match="no bucket>destination:code"):
        AutoRule.parse(text)
    assert AutoRule.parse(RULE.text) == RULE
