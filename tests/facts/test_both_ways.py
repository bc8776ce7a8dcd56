"""What Amazon does not document, and the tests that show the tracker right whichever way it is.

Some of what the tracker meets is known only from payloads that others published, and some of it
nobody has published. `SHOWN_BY` has a sentence for each such fact and the tests that play it; the
tests no other file has are below. They drive the real recorder and reconciler against `S3Model`.
"""

import ast
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest

from replication.ledger.state import State
from replication.s3.events import Changed, Created, Event, Operation, Replicated
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import plus
from tests.laws.s3_model import SOURCE, TAG, Rule, S3Model
from tests.laws.tracker import Tracker, in_memory
from tests.replication.aws.messages.test_s3_notifications import created as read_creation
from tests.support.payloads import changed, record

ROOT = Path(__file__).parents[2]
HERE = "tests/facts/test_both_ways.py"
AN_HOUR = 3_600_000

SHOWN_BY: Mapping[str, tuple[str, ...]] = {
    "Whether the header of one failed and one pending destination reads FAILED at once": (
        "tests/replication/head/test_reader.py::test_a_failure_beside_a_pending_destination_may_show_or_not",
        "tests/laws/test_model.py::test_the_tracker_converges_to_what_s3_says",
    ),
    "A failure may be followed by an arrival": (
        "tests/record/test_recorder.py::TestReplicationEvents"
        "::test_a_failure_and_a_later_arrival_end_as_completed_in_any_order",
    ),
    "A change of tags, ACL or metadata takes a completed version back to PENDING": (
        "tests/record/test_recorder.py::TestChangesOfTagsAndAcl::test_reopen_a_completed_version",
        f"{HERE}::test_a_changed_version_completes_again_with_and_without_an_event_of_it",
    ),
    "A version accepted by a rule that is gone finishes all the same, or never does": (
        f"{HERE}::test_what_a_rule_took_before_it_went_finishes_or_stays_pending",
    ),
    "A version written after its rule went has no header": (
        f"{HERE}::test_what_came_after_a_rule_went_has_no_status",
    ),
    "A replica without its tags: FAILED at the source, REPLICA there, and no event": (
        "tests/replication/head/test_reader.py::test_a_replica_without_its_tags_is_found_by_the_header",
        "tests/reconcile/test_reconciler.py::TestAudit"
        "::test_finds_a_failure_behind_a_replica_that_arrived",
    ),
    "The units of threshold and replicationTime, and whether they are numbers or text": (
        "tests/replication/aws/messages/test_s3_notifications.py::TestReplicationEvents"
        "::test_threshold_and_replication_time_are_numbers_or_their_text",
    ),
    "A failure repeats the sequencer and the time of the write it failed to replicate": (
        "tests/replication/aws/messages/test_s3_notifications.py::TestIds"
        "::test_a_failure_and_the_write_it_failed_to_replicate_have_different_ids",
        f"{HERE}::test_a_failure_counts_whether_or_not_it_repeats_the_sequencer_of_its_write",
    ),
    "A replica's notification is a Put or a CompleteMultipartUpload by s3-replication": (
        f"{HERE}::test_a_replica_is_one_whatever_its_event_is_called_and_whoever_made_it",
    ),
    "Whether EventBridge tells of a replica's arrival, and in whose name": (
        "tests/replication/aws/messages/test_eventbridge.py::TestObjectEvents::test_who_asked_for_it_decides_nothing",
        f"{HERE}::test_an_arrival_is_known_with_and_without_an_event_of_it",
    ),
    "Whether a replicated delete marker emits an event at the destination": (
        f"{HERE}::test_a_marker_arrives_with_and_without_an_event_of_it",
    ),
    "Whether replicated tags and ACLs emit events at the destination": (
        f"{HERE}::test_a_changed_version_completes_again_with_and_without_an_event_of_it",
        "tests/record/test_recorder.py::TestChangesOfTagsAndAcl"
        "::test_that_never_show_at_the_destination_leave_it_pending",
    ),
    "Whether sequencers of notifications and of EventBridge can be compared": (
        f"{HERE}::test_the_sequencers_of_two_channels_decide_no_status",
    ),
    "Whether an event keeps its id when it is played back from an archive": (
        f"{HERE}::test_an_event_played_back_changes_nothing_under_its_own_and_under_another_id",
    ),
    "Whether a replicated delete marker keeps the time of its source": (
        "tests/record/test_recorder.py::TestTwoBucketsThatReplicateToEachOther"
        "::test_of_two_equal_markers_the_one_is_the_source_whose_rules_send_markers",
        "tests/backfill/test_rows.py::test_a_marker_that_two_buckets_have_since_the_same_second_is_nobody_s",
    ),
    "What an inventory shows as the status of a delete marker": (
        "tests/backfill/test_row_claims.py::TestTheListOfADestination"
        "::test_asks_whose_a_marker_is_whether_or_not_it_shows_a_status",
        "tests/backfill/test_row_claims.py::TestMarkersOfASource::test_that_show_a_status_are_like_any_version",
        "tests/backfill/test_row_claims.py::TestMarkersOfASource"
        "::test_are_asked_for_wherever_a_rule_could_have_sent_them",
    ),
    "The status of an object after a Batch Replication job": (
        "tests/backfill/test_row_claims.py"
        "::test_a_task_that_succeeded_is_noted_because_nobody_says_what_the_status_is_then",
        f"{HERE}::test_after_a_batch_job_the_header_says_how_it_went",
    ),
    "How an inventory writes that there is no replication status": (
        "tests/replication/aws/deliveries/test_inventory.py::test_every_replication_status_is_understood",
        "tests/backfill/test_row_claims.py"
        "::test_a_version_without_a_status_is_recorded_only_when_asked_for",
    ),
    "In which Region S3 publishes which replication metric": (
        "tests/infra/test_monitoring.py::test_the_dashboard_shows_what_s3_says_of_every_source",
    ),
}
"""The fact, in our own words -> node ids of tests."""


@pytest.mark.parametrize("node", sorted({node for nodes in SHOWN_BY.values() for node in nodes}))
def test_every_test_of_the_table_exists(node: str) -> None:
    path, *names = node.split("::")
    assert tuple(names) in names_in(path)


@cache
def names_in(path: str) -> frozenset[tuple[str, ...]]:
    """Functions of a module and of its classes, as node ids have them."""
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    found: set[tuple[str, ...]] = {
        (node.name,) for node in tree.body if isinstance(node, ast.FunctionDef)
    }
    for holder in (node for node in tree.body if isinstance(node, ast.ClassDef)):
        found |= {(holder.name, n.name) for n in holder.body if isinstance(n, ast.FunctionDef)}
    return frozenset(found)


def begin(*rules: Rule, change_events: bool = True) -> Tracker:
    s3 = S3Model(rules=list(rules or [Rule("dst-a")]), change_events=change_events)
    return in_memory(s3)


def deliver(tracker: Tracker, *, lost: type[Event] | None = None, at: str = "dst-a") -> None:
    """Everything on its way arrives, except events of type `lost` at the bucket `at`."""
    events = [
        event
        for event in tracker.s3.sent
        if lost is None or not isinstance(event, lost) or event.version.bucket != at  # type: ignore[union-attr]
    ]
    tracker.s3.sent.clear()
    tracker.record(events)
    tracker.s3.pass_time(1_000)


def look_again(tracker: Tracker) -> None:
    tracker.s3.pass_time(2 * AN_HOUR)
    tracker.reconcile_all()


def status(tracker: Tracker, version: ObjectVersion, name: str = "dst-a") -> Status | None:
    return tracker.ledger.states(version)[name].status


@pytest.mark.parametrize("told", [True, False])
def test_an_arrival_is_known_with_and_without_an_event_of_it(told: bool) -> None:
    tracker = begin()
    version = tracker.s3.put("k", {})
    tracker.s3.arrive(version, "dst-a")
    deliver(tracker, lost=None if told else Created)
    assert status(tracker, version) is (Status.COMPLETED if told else Status.PENDING)
    look_again(tracker)
    assert status(tracker, version) is Status.COMPLETED


@pytest.mark.parametrize("told", [True, False])
def test_a_marker_arrives_with_and_without_an_event_of_it(told: bool) -> None:
    tracker = begin()
    marker = tracker.s3.put("k", {}, marker=True)
    tracker.s3.arrive(marker, "dst-a")
    deliver(tracker, lost=None if told else Created)
    assert status(tracker, marker) is (Status.COMPLETED if told else Status.PENDING)
    look_again(tracker)
    evidence = tracker.ledger.states(marker)["dst-a"].evidence
    assert evidence is (Evidence.REPLICA_CREATED if told else Evidence.HEAD_DESTINATION)


@pytest.mark.parametrize("told", [True, False])
def test_a_changed_version_completes_again_with_and_without_an_event_of_it(told: bool) -> None:
    tracker = begin(change_events=told)
    version = tracker.s3.put("k", {})
    tracker.s3.arrive(version, "dst-a")
    deliver(tracker)
    tracker.s3.change(version, TAG)
    deliver(tracker)
    assert status(tracker, version) is Status.PENDING
    tracker.s3.arrive(version, "dst-a")
    deliver(tracker)
    assert status(tracker, version) is (Status.COMPLETED if told else Status.PENDING)
    look_again(tracker)
    assert status(tracker, version) is Status.COMPLETED


@pytest.mark.parametrize("finishes", [True, False])
def test_what_a_rule_took_before_it_went_finishes_or_stays_pending(finishes: bool) -> None:
    """Pending for ever is stale; nobody said that it failed."""
    tracker = begin()
    version = tracker.s3.put("k", {})
    deliver(tracker)
    tracker.s3.rules.clear()
    tracker.s3.pass_time(AN_HOUR)
    if finishes:
        tracker.s3.arrive(version, "dst-a")
    deliver(tracker)
    for _ in range(5):
        tracker.s3.pass_time(30 * 24 * AN_HOUR)
        look_again(tracker)
    assert status(tracker, version) is (Status.COMPLETED if finishes else Status.PENDING)


@pytest.mark.parametrize("noticed", [True, False])
def test_what_came_after_a_rule_went_has_no_status(noticed: bool) -> None:
    """Also when the tracker still believed in the rule."""
    tracker = begin()
    tracker.s3.rules.clear()
    if noticed:
        tracker.s3.pass_time(AN_HOUR)
    version = tracker.s3.put("k", {})
    deliver(tracker)
    believed = tracker.ledger.states(version).get("dst-a")
    # Noticed within the hour: whether it was written before or after, nobody knows yet.
    assert (believed is None or believed.status is None) is noticed
    look_again(tracker)
    known = tracker.ledger.states(version)
    assert {state.status for state in known.values()} == {None}


@pytest.mark.parametrize("repeats", [True, False])
@pytest.mark.parametrize("failure_first", [True, False])
def test_a_failure_counts_whether_or_not_it_repeats_the_sequencer_of_its_write(
    repeats: bool, failure_first: bool
) -> None:
    """Neither a duplicate of the write, nor older than it, nor newer by its sequencer."""
    tracker = begin()
    version, now = ObjectVersion(SOURCE, "k", "v1"), tracker.s3.now()
    written = Created(version, now, "created", whole_second=False, sequencer="0055AED6DCD9")
    failed = Replicated(
        Operation.FAILED,
        version,
        "dst-a",
        plus(now, 7),
        "failed",
        requested_at=now,
        sequencer="0055AED6DCD9" if repeats else "00",
        failure_code="DstBucketNotFound",
    )
    for event in (failed, written) if failure_first else (written, failed):
        tracker.record([event])
    state = tracker.ledger.states(version)["dst-a"]
    assert (state.status, state.failure_code) == (Status.FAILED, "DstBucketNotFound")
    assert len(tracker.facts(version)) == 2


@pytest.mark.parametrize("name", ["Put", "Post", "Copy", "CompleteMultipartUpload"])
@pytest.mark.parametrize("who", ["AWS:AROAEXAMPLEROLE:s3-replication", "AWS:AIDAEXAMPLEUSER"])
def test_a_replica_is_one_whatever_its_event_is_called_and_whoever_made_it(
    name: str, who: str
) -> None:
    """Anyone can call a session s3-replication; the version id that the source has proves it."""
    tracker = begin()
    version = tracker.s3.put("k", {})
    deliver(tracker)
    raw = changed(
        record("s3-object-created-multipart-replica"), "eventName", f"ObjectCreated:{name}"
    )
    raw = changed(raw, "userIdentity/principalId", who)
    for path, value in (
        ("s3/bucket/name", "dst-a"),
        ("s3/object/key", version.key),
        ("s3/object/versionId", version.version_id),
        ("eventTime", plus(tracker.s3.now(), 5)),
    ):
        raw = changed(raw, path, value)
    tracker.record([read_creation(raw)])
    assert status(tracker, version) is Status.COMPLETED


@pytest.mark.parametrize(
    ("notification", "event_bridge"), [("0055AE", "0055AE00"), ("FF", "00"), ("00", "FF")]
)
def test_the_sequencers_of_two_channels_decide_no_status(
    notification: str, event_bridge: str
) -> None:
    """One write told by both, with sequencers that agree, or do not, or fall back."""
    tracker = begin()
    version = tracker.s3.put("k", {})
    (told,) = tracker.s3.sent
    assert isinstance(told, Created)
    now = tracker.s3.now()
    by_notification = Created(version, now, "n", whole_second=False, sequencer=notification)
    by_event_bridge = Created(version, told.at, "e", whole_second=True, sequencer=event_bridge)
    for event in (by_event_bridge, by_notification):
        tracker.record([event])
    assert status(tracker, version) is Status.PENDING
    tracker.s3.sent.clear()
    tracker.s3.arrive(version, "dst-a")
    deliver(tracker)
    tracker.record([by_notification, by_event_bridge])
    assert status(tracker, version) is Status.COMPLETED


@pytest.mark.parametrize("header", list(Status))
def test_after_a_batch_job_the_header_says_how_it_went(header: Status) -> None:
    """A failed version that a job replicated, is still at, or could not replicate either."""
    tracker = begin()
    version = tracker.s3.put("k", {})
    tracker.s3.fail(version, "dst-a")
    deliver(tracker)
    assert status(tracker, version) is Status.FAILED
    tracker.s3.try_again(version, "dst-a")
    match header:
        case Status.COMPLETED:
            tracker.s3.arrive(version, "dst-a")
        case Status.FAILED:
            tracker.s3.fail(version, "dst-a")
        case Status.PENDING:
            pass
    tracker.s3.sent.clear()
    look_again(tracker)
    assert status(tracker, version) is header


@pytest.mark.parametrize("kept", [True, False])
def test_an_event_played_back_changes_nothing_under_its_own_and_under_another_id(
    kept: bool,
) -> None:
    tracker = begin(Rule("dst-a"), Rule("dst-b"))
    version = tracker.s3.put("k", {})
    for change in ({}, TAG):
        if change:
            tracker.s3.change(version, change)
        for name in ("dst-a", "dst-b"):
            tracker.s3.arrive(version, name)
        deliver(tracker)
    heard = [event for event in tracker.bodies if isinstance(event, (Created, Changed))]
    before = told(tracker, version)
    assert {state.status for state in before.values()} == {Status.COMPLETED}
    again = heard if kept else [replace(event, id=f"again-{event.id}") for event in heard]
    tracker.record(again)
    assert told(tracker, version) == before


def told(tracker: Tracker, version: ObjectVersion) -> dict[str, State]:
    """What is known, but for when it was confirmed last: some events make the tracker look."""
    known = tracker.ledger.states(version)
    return {name: replace(state, observed_at=None) for name, state in known.items()}
