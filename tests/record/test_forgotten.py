"""A late event of a forgotten version makes no PENDING for ever: HEAD decides."""

from dataclasses import replace

import pytest

from record.event_claims import EventClaims
from record.replicated import replicated as replicated_fact
from replication.errors import Denied
from replication.head.port import Head
from replication.ledger.port import Claim
from replication.s3.events import Event, Operation
from replication.s3.status import Status
from replication.times import plus
from tests.record.world import (
    COMPLETED_HEAD,
    NOW,
    REPLICA_HEAD,
    World,
    changed,
    created,
    deleted,
    replicated,
    version,
)
from tests.support.fakes import history, rule

PENDING_HEAD = Head("PENDING", delete_marker=False, last_modified=NOW)
FAILED_HEAD = Head("FAILED", delete_marker=False, last_modified=NOW)
LATE: list[Event] = [
    created(),
    replicated(Operation.MISSED_THRESHOLD),
    replicated(Operation.REPLICATED_AFTER_THRESHOLD),
    replicated(Operation.FAILED, failure_code="DstBucketNotFound"),
    replicated(Operation.NOT_TRACKED),
]


class Forgetful(World):
    """Everything from before half a minute after the events may be forgotten."""

    def event_claims(self) -> EventClaims:
        return replace(super().event_claims(), forgotten_before=plus(NOW, 30))


@pytest.fixture
def world() -> Forgetful:
    return Forgetful()


@pytest.mark.parametrize("event", LATE, ids=lambda one: getattr(one, "operation", "created"))
def test_what_is_completed_stays_forgotten(world: Forgetful, event: Event) -> None:
    world.objects.heads = {version(): COMPLETED_HEAD, version("dst"): REPLICA_HEAD}
    assert world.record(event).retry == ()
    assert world.ledger.records == {}


@pytest.mark.parametrize(("head", "status"), [(PENDING_HEAD, "PENDING"), (FAILED_HEAD, "FAILED")])
def test_what_is_not_completed_is_known_as_head_says(
    world: Forgetful, head: Head, status: str
) -> None:
    world.objects.heads = {version(): head}
    world.record(created())
    state = world.state()
    assert (state.status, state.since) == (status, plus(NOW, 60)), "as of now, to be reconciled"


def test_of_several_destinations_the_completed_one_stays_forgotten(world: Forgetful) -> None:
    world.known["src"] = history("src", rule("dst", "a/"), rule("dst-b", "a/"))
    world.histories.known = world.known
    world.objects.heads = {version(): PENDING_HEAD, version("dst"): REPLICA_HEAD}
    world.record(created())
    assert {name: record.state.status for (_, name), record in world.ledger.records.items()} == {
        "dst-b": Status.PENDING
    }


def test_a_version_that_the_ledger_has_is_recorded_as_ever(world: Forgetful) -> None:
    known = replicated(Operation.FAILED, failure_code="X")
    world.ledger.write([Claim(replicated_fact(known))])
    world.record(created())
    assert len(world.ledger.records[version(), "dst"].facts) == 2
    assert world.objects.asked == []


def test_an_event_in_time_needs_no_head(world: Forgetful) -> None:
    world.record(created(seconds=40))
    assert (world.state().status, world.objects.asked) == (Status.PENDING, [])


def test_a_source_that_may_not_be_read_is_not_taken_for_pending(world: Forgetful) -> None:
    world.objects.denied = {"src"}
    assert world.record(created()).retry == ()
    assert world.state().in_doubt, "HEAD decides within minutes, or as soon as it may"
    assert [type(one) for one in world.refusals] == [Denied]


def test_without_forgetting_nothing_is_late() -> None:
    world = World()
    world.record(created())
    assert (world.state().status, world.objects.asked) == (Status.PENDING, [])


def test_a_change_is_decided_by_head_and_a_deletion_is_an_end(world: Forgetful) -> None:
    world.objects.heads = {version(): COMPLETED_HEAD, version("dst"): REPLICA_HEAD}
    world.record(changed())
    state = world.state()
    assert (state.status, state.in_doubt) == (None, True), "HEAD decides within minutes"
    world.ledger.records.clear()
    world.record(deleted())
    assert world.state().is_only_an_end, "which expires by itself"
