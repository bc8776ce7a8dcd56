"""What rows leave open is asked of S3: whose a replica is, and who has a delete marker."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import pytest

from backfill.row_claims import RowClaims
from backfill.rows import Rows
from replication.errors import Denied, Unavailable
from replication.head.port import Head
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim
from replication.ledger.state import State
from replication.published import row as published_row
from replication.s3.deliveries import Delivery, Listed
from replication.s3.evidence import Evidence
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.fakes import MemoryLedger, MemoryObjects, history, rule
from tests.support.seeds import at, stored

SCANNED = Instant("2026-11-22T10:00:00.000Z")
WRITTEN = Instant("2026-11-01T08:30:00.000Z")
NOW = Instant("2026-11-22T12:00:00.000Z")
SOURCE = ObjectVersion("src", "k", "v1")
HERE = SOURCE.in_bucket("dst")


def shows(status: str | None, *, marker: bool = False, later: float = 0) -> Head:
    return Head(status, delete_marker=marker, last_modified=plus(WRITTEN, later))


REPLICA = Listed(HERE, None, replica=True, last_modified=WRITTEN)
MARKER = Listed(HERE, None, delete_marker=True, last_modified=WRITTEN)


def told(*facts: tuple[Kind, float], destination: str = "dst") -> list[Claim]:
    """What the ledger was told of the source version: kinds, and seconds after 10:00."""
    return [Claim(one) for one in stored(*facts, of=SOURCE, destination=destination).record.facts]


@dataclass
class World:
    """A list of one bucket's versions, and S3."""

    histories: Mapping[str, RuleHistory] = field(
        default_factory=lambda: {"src": history("src", rule("dst", delete_markers=True))}
    )
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    objects: MemoryObjects = field(default_factory=MemoryObjects)

    def read(self, *rows: Listed) -> dict[str, int]:
        """The counts of a delivery that lists `rows`."""
        known = {str(number).encode(): row for number, row in enumerate(rows)}
        delivery = Delivery(Evidence.INVENTORY, SCANNED, (), ())
        written = Rows(
            read=known.__getitem__,
            row_claims=lambda bucket: RowClaims(
                delivery, "run", self.histories.get(bucket), is_destination=bucket != "src"
            ),
            ledger=self.ledger,
            objects=self.objects,
            histories=self.histories,
            now=lambda: NOW,
        ).write(list(known), 0)
        return dict(written.counts)

    def state(self, version: ObjectVersion = SOURCE, destination: str = "dst") -> State:
        return self.ledger.records[version, destination].state


def test_a_replica_nobody_told_of_is_joined_to_its_source() -> None:
    world = World()
    world.objects.heads = {SOURCE: shows("COMPLETED"), HERE: shows("REPLICA")}
    assert world.read(REPLICA) == {"replica": 1}
    state = world.state()
    assert (state.status, state.arrived_at, state.evidence) == (
        Status.COMPLETED,
        NOW,
        Evidence.HEAD_SOURCE,
    )


def test_a_replica_that_is_known_costs_no_look_and_no_write() -> None:
    world = World()
    world.ledger.write(told((Kind.ARRIVED, 5)))
    writes = world.ledger.writes
    assert world.read(REPLICA) == {"replica": 1}
    assert (world.objects.asked, world.ledger.writes) == ([], writes)


def test_a_replica_by_a_rule_nobody_saw_is_joined_all_the_same() -> None:
    world = World(histories={"src": history("src", rule("elsewhere"))})
    world.objects.heads = {SOURCE: shows("COMPLETED"), HERE: shows("REPLICA")}
    world.read(REPLICA)
    assert world.state().status is Status.COMPLETED


def test_another_replica_of_the_same_source_is_not_taken_for_it() -> None:
    """Its source is gone, and a bucket that is a source itself has a replica, too."""
    both = {
        "src": history("src", rule("dst"), rule("peer")),
        "peer": history("peer", rule("src"), rule("dst")),
    }
    world = World(histories=both)
    world.ledger.write(told((Kind.REQUESTED, 0)))
    world.objects.heads = {HERE: shows("REPLICA"), SOURCE.in_bucket("peer"): shows("REPLICA")}
    assert world.read(REPLICA) == {"replica": 1}
    state = world.state()
    assert (state.status, state.arrived_at, state.deleted_at) == (Status.COMPLETED, NOW, NOW)


def test_a_replica_that_outlived_its_source_is_known_with_the_end_of_the_source() -> None:
    world = World()
    world.ledger.write(told((Kind.INELIGIBLE, 0), destination=""))
    world.objects.heads = {HERE: shows("REPLICA")}
    assert world.read(REPLICA) == {"replica": 1}
    state = world.state()
    assert (state.status, state.arrived_at, state.deleted_at) == (Status.COMPLETED, NOW, NOW)


@pytest.mark.parametrize("source", ["REPLICA", None])
def test_a_replica_whose_source_shows_nothing_of_it_is_recorded(source: str | None) -> None:
    """A job sent a replica on, or the rule is gone."""
    middle = SOURCE.in_bucket("mid")
    known = {"src": history("src", rule("mid")), "mid": history("mid", rule("dst"))}
    world = World(histories=known)
    world.objects.heads = {
        SOURCE: shows("COMPLETED"),
        middle: shows(source),
        HERE: shows("REPLICA"),
    }
    assert world.read(REPLICA) == {"replica": 1}
    state = world.state(middle)
    assert (state.status, state.arrived_at) == (Status.COMPLETED, NOW)


def test_a_replica_without_any_known_source_is_recorded_without_one() -> None:
    world = World()
    world.objects.heads = {HERE: shows("REPLICA")}
    assert world.read(REPLICA) == {"replica": 1, "unsourced": 1}
    ((version, place),) = world.ledger.records
    assert (version, place) == (HERE, "dst")
    state = world.state(HERE)
    assert (state.arrived_at, state.evidence) == (SCANNED, Evidence.INVENTORY)


def test_a_replica_that_may_not_be_looked_at_stays_unknown() -> None:
    world = World()
    world.objects.fault = Denied("s3:GetObjectVersion", "src")
    assert world.read(REPLICA) == {"replica": 1, "not_looked_at": 1}
    world.objects.fault = Unavailable("SlowDown")
    with pytest.raises(Unavailable):
        world.read(REPLICA)


def test_a_list_that_is_older_than_the_loss_of_a_replica_brings_it_not_back() -> None:
    world = World()
    world.ledger.write(told((Kind.ARRIVED, 5), (Kind.REPLICA_DELETED, 50)))
    world.objects.heads = {SOURCE: shows("COMPLETED")}
    world.read(REPLICA)
    assert (world.state().lost_at, world.state().arrived_at) == (at(50), None)


class TestMarkers:
    def test_that_arrived_untold_are_found_from_the_list_of_either_side(self) -> None:
        for row in (Listed(SOURCE, None, delete_marker=True, last_modified=WRITTEN), MARKER):
            world = World()
            world.objects.heads = {
                SOURCE: shows(None, marker=True),
                HERE: shows(None, marker=True, later=2),
            }
            assert world.read(row) == {"delete_marker": 1}
            assert world.state().status is Status.COMPLETED

    def test_that_are_nowhere_else_are_not_called_pending(self) -> None:
        """A lifecycle rule may have made it, or it is older than the rules."""
        world = World()
        world.objects.heads = {SOURCE: shows(None, marker=True)}
        world.read(Listed(SOURCE, None, delete_marker=True, last_modified=WRITTEN))
        assert world.ledger.records == {}

    def test_of_a_known_version_are_left_to_reconciliation(self) -> None:
        world = World()
        world.ledger.write(told((Kind.REQUESTED, 0)))
        world.read(Listed(SOURCE, None, delete_marker=True, last_modified=WRITTEN))
        assert world.objects.asked == []

    def test_of_the_destination_s_own_are_nobody_s_replica(self) -> None:
        world = World()
        world.objects.heads = {HERE: shows(None, marker=True)}
        assert world.read(MARKER) == {"delete_marker": 1}
        assert world.ledger.records == {}


BOTH_WAYS = {
    "east": history("east", rule("west", delete_markers=True)),
    "west": history("west", rule("east", delete_markers=True)),
}


@pytest.mark.parametrize("made_in", ["east", "west"])
@pytest.mark.parametrize("listed_in", ["east", "west"])
def test_of_two_buckets_that_replicate_to_each_other_the_age_of_a_marker_does_not_decide(
    made_in: str, listed_in: str
) -> None:
    """A replica keeps its source's LastModified; whoever has another one tells nothing by it."""
    world = World(histories=BOTH_WAYS)
    for bucket in BOTH_WAYS:
        later = 0 if bucket == made_in else 3
        world.objects.heads[SOURCE.in_bucket(bucket)] = shows(None, marker=True, later=later)
    row = Listed(SOURCE.in_bucket(listed_in), None, delete_marker=True, last_modified=WRITTEN)
    assert world.read(row) == {"delete_marker": 1, "undecided": 1}
    assert world.ledger.records == {}


@pytest.mark.parametrize("made_in", ["east", "west"])
@pytest.mark.parametrize("listed_in", ["east", "west"])
def test_but_what_was_heard_of_first_does(made_in: str, listed_in: str) -> None:
    world = World(histories=BOTH_WAYS)
    other = {"east": "west", "west": "east"}[made_in]
    original = SOURCE.in_bucket(made_in)
    made = stored((Kind.REQUESTED, 0), of=original, destination=other).record.facts
    world.ledger.write([Claim(one) for one in made])
    marker = shows(None, marker=True)
    world.objects.heads = {SOURCE.in_bucket(bucket): marker for bucket in BOTH_WAYS}
    world.read(Listed(SOURCE.in_bucket(listed_in), None, delete_marker=True, last_modified=WRITTEN))
    assert set(world.ledger.records) == {(original, other)}


def test_a_marker_that_two_buckets_have_since_the_same_second_is_nobody_s() -> None:
    for name in BOTH_WAYS:
        world = World(histories=BOTH_WAYS)
        marker = shows(None, marker=True)
        world.objects.heads = {SOURCE.in_bucket(bucket): marker for bucket in BOTH_WAYS}
        row = Listed(SOURCE.in_bucket(name), None, delete_marker=True, last_modified=WRITTEN)
        assert world.read(row) == {"delete_marker": 1, "undecided": 1}
        assert world.ledger.records == {}


class TestAnObjectThatWasThereBeforeARule:
    """One destination has had it for a year, the rule to the other one is of last week."""

    ROW = Listed(SOURCE, Status.COMPLETED, last_modified=WRITTEN, size=7)

    def world(self) -> World:
        rules = (rule("old"), rule("new"))
        since = "2026-11-20T00:00:00.000Z"
        world = World(histories={"src": history("src", *rules, since=since)})
        world.objects.heads = {
            SOURCE: shows("COMPLETED"),
            SOURCE.in_bucket("old"): shows("REPLICA"),
        }
        return world

    def shown(self, world: World) -> dict[str, object]:
        items = [
            LedgerItem(version, name, record)
            for (version, name), record in world.ledger.records.items()
        ]
        return published_row.summary(items, "src", published_row.AsOf(NOW))

    def test_is_completed_where_it_is_and_not_where_it_never_was(self) -> None:
        world = self.world()
        assert world.read(self.ROW) == {"ambiguous": 1}
        assert world.state(destination="old").status is Status.COMPLETED
        assert world.state(destination="new").is_ruled_out
        shown = self.shown(world)
        assert (shown["replication_status"], shown["size"]) == ("COMPLETED", 7)

    def test_is_not_asked_about_again_while_lists_say_the_same(self) -> None:
        world = self.world()
        world.read(self.ROW)
        asked, writes = len(world.objects.asked), world.ledger.writes
        assert asked
        assert world.read(self.ROW) == {"ambiguous": 1}
        assert (len(world.objects.asked), world.ledger.writes) == (asked, writes)
        world.objects.heads[SOURCE] = shows("FAILED")
        world.read(replace(self.ROW, status=Status.FAILED))
        assert len(world.objects.asked) > asked

    def test_that_is_listed_twice_keeps_what_both_rows_said(self) -> None:
        world = self.world()
        world.objects.fault = Denied("s3:GetObjectVersion", "src")
        world.read(replace(self.ROW, status=Status.PENDING), self.ROW)
        facts = world.ledger.records[SOURCE, "old"].facts
        assert {fact.id for fact in facts} == {"inventory:run:PENDING", "inventory:run:COMPLETED"}

    def test_is_completed_by_itself_when_no_known_destination_ever_had_it(self) -> None:
        world = self.world()
        del world.objects.heads[SOURCE.in_bucket("old")]
        world.read(self.ROW)
        assert world.state(destination="old").is_ruled_out
        assert self.shown(world)["replication_status"] == "COMPLETED"

    def test_is_completed_by_itself_when_nobody_may_look(self) -> None:
        world = self.world()
        world.objects.fault = Denied("s3:GetObjectVersion", "new")
        assert world.read(self.ROW) == {"ambiguous": 1, "not_looked_at": 1}
        assert {world.state(destination=name).status for name in ("old", "new")} == {None}
        assert self.shown(world)["replication_status"] == "COMPLETED"


@pytest.mark.parametrize("status", [Status.COMPLETED, Status.PENDING])
def test_a_version_that_only_a_tag_or_a_rule_of_another_time_takes_is_where_head_finds_it(
    status: Status,
) -> None:
    rules = (rule("gone"),), (rule("dst", tags=(("a", "b"),)),)
    first, second = (history("src", *one) for one in rules)
    later = replace(second.revisions[0], since=Instant("2026-06-01T00:00:00.000Z"))
    world = World(histories={"src": replace(first, revisions=(*first.revisions, later))})
    world.objects.heads = {SOURCE: shows(status), HERE: shows("REPLICA")}
    assert world.read(Listed(SOURCE, status, last_modified=WRITTEN)) == {"ambiguous": 1}
    assert world.state().arrived_at == NOW
    gone = world.state(destination="gone")
    assert gone.status is None or gone.in_doubt
