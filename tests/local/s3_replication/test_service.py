"""What the replication service does when, with the clock in our hands."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.s3_replication.outcomes import Destination, Source
from tests.local.s3_replication.fakes import object_event
from tests.local.s3_replication.world import COMPLETED, FAILED, PENDING, World, ref, rule


def test_nothing_arrives_before_its_time() -> None:
    world = World()
    world.put(rule())
    world.timers.wind(0.9)
    assert not world.store.replicas
    world.timers.wind(0.2)
    assert world.store.replicas == {("a", "v1"): True}
    assert world.headers() == [COMPLETED]


def test_the_header_completes_with_the_last_destination() -> None:
    world = World(replication_jitter_seconds=1)
    world.put(rule("a"), rule("b"))
    world.timers.wind(3)
    assert world.headers() == [PENDING, COMPLETED]


def test_one_failed_destination_fails_the_header_and_only_it() -> None:
    world = World()
    world.store.destinations["b"] = Destination(exists=False)
    world.put(rule("a"), rule("b", metrics=True))
    world.timers.wind(2)
    assert world.headers()[-1] is FAILED
    assert world.store.replicas == {("a", "v1"): True}
    (record,) = world.announcer.records
    assert record["replicationEventData"]["destinationBucket"] == "arn:aws:s3:::b"
    assert record["replicationEventData"]["failureReason"] == "DstBucketNotFound"


def test_without_metrics_a_failure_is_silent() -> None:
    world = World()
    world.store.destinations["a"] = Destination(exists=False)
    world.put(rule())
    world.timers.wind(2)
    assert world.headers() == [FAILED]
    assert world.told == []


def test_a_version_deleted_for_good_never_arrives() -> None:
    world = World()
    world.put(rule())
    world.store.deleted.add(ref())
    world.timers.wind(2)
    assert not world.store.replicas
    assert not world.headers()
    assert not world.announcer.events


def test_a_forgotten_version_never_arrives() -> None:
    world = World()
    world.put(rule())
    world.service.forget(ref())
    world.timers.wind(2)
    assert not world.store.replicas


def test_a_tagless_replica_fails_the_source_without_an_event() -> None:
    world = World()
    world.put(rule(metrics=True), key="tagless")
    world.timers.wind(2)
    assert world.store.replicas == {("a", "v1"): False}
    assert world.headers("tagless") == [FAILED]
    assert world.told == []


def test_a_missed_threshold_is_told_once_and_so_is_the_late_arrival() -> None:
    world = World(threshold_seconds=2)
    world.put(rule(time_control=True), key="slow-5")
    world.timers.wind(4)
    assert world.told == ["OperationMissedThreshold"]
    assert not world.headers("slow-5")
    world.timers.wind(4)
    assert world.told == ["OperationMissedThreshold", "OperationReplicatedAfterThreshold"]
    assert world.announcer.records[1]["replicationEventData"]["replicationTime"] == 5
    assert world.headers("slow-5") == [COMPLETED]


def test_an_arrival_in_time_says_nothing_of_thresholds() -> None:
    world = World(threshold_seconds=2)
    world.put(rule(time_control=True))
    world.timers.wind(10)
    assert world.told == []


def test_without_time_control_a_late_arrival_says_nothing() -> None:
    world = World(threshold_seconds=2)
    world.put(rule(metrics=True), key="slow-5")
    world.timers.wind(10)
    assert world.told == []


def test_what_metrics_lose_still_replicates() -> None:
    world = World()
    world.put(rule(metrics=True), key="not-tracked")
    world.timers.wind(2)
    assert world.told == ["OperationNotTracked"]
    assert world.headers("not-tracked") == [COMPLETED]


@pytest.mark.parametrize(
    ("name", "arrival"),
    [
        ("ObjectCreated:Put", "ObjectCreated:Put"),
        ("ObjectCreated:Copy", "ObjectCreated:Put"),
        ("ObjectCreated:Post", "ObjectCreated:Put"),
        ("ObjectCreated:CompleteMultipartUpload", "ObjectCreated:CompleteMultipartUpload"),
    ],
)
def test_an_arrival_is_an_event_of_the_destination(name: str, arrival: str) -> None:
    world = World()
    world.put(rule(), name=name)
    world.timers.wind(2)
    (event,) = world.announcer.events
    assert (event.name, event.bucket, event.region) == (arrival, "a", "eu-west-1")


@pytest.mark.parametrize("emitted", [True, False])
def test_delete_markers_arrive_and_their_events_are_a_choice(emitted: bool) -> None:
    world = World(destination_delete_marker_events=emitted)
    world.put(rule(), name="ObjectRemoved:DeleteMarkerCreated", delete_marker=True)
    world.timers.wind(2)
    assert world.store.markers == {("a", "v1")}
    assert len(world.announcer.events) == int(emitted)


def test_a_locked_version_fails_at_an_unlocked_destination_and_a_bare_one_passes() -> None:
    world = World()
    world.store.sources[ref("locked")] = Source(locked=True)
    for key in ("locked", "bare"):
        world.put(rule(metrics=True), key=key)
    world.timers.wind(2)
    assert (world.headers("locked"), world.headers("bare")) == ([FAILED], [COMPLETED])
    data = world.announcer.records[0]["replicationEventData"]
    assert data["failureReason"] == "DstBucketObjectLockConfigMissing"


@pytest.mark.parametrize("at_once", [True, False])
def test_whether_one_failure_shows_while_another_is_pending_is_a_choice(at_once: bool) -> None:
    world = World(header_fails_at_once=at_once)
    key = "fail-DstBucketNotFound@a"
    world.put(rule("a"), key=key)
    world.service.accept(
        ref("both"),
        object_event(key="both"),
        [rule("a"), rule("b")],
        delete_marker=False,
    )
    world.store.destinations["a"] = Destination(exists=False)
    world.timers.wind(2)
    assert world.headers("both")[0] is (FAILED if at_once else PENDING)
    assert world.headers("both")[-1] is FAILED


@given(healthy=st.lists(st.booleans(), min_size=1, max_size=6), seed=st.integers(0, 99))
def test_whatever_arrives_first_the_header_ends_as_s3_says(healthy: list[bool], seed: int) -> None:
    world = World(replication_jitter_seconds=3, seed=seed)
    rules = [rule(f"d{number}", metrics=True) for number in range(len(healthy))]
    for each, good in zip(rules, healthy, strict=True):
        world.store.destinations[each.destination] = Destination(exists=good)
    world.put(*rules)
    world.timers.wind(5)
    assert world.headers()[-1] is (COMPLETED if all(healthy) else FAILED)
    assert len(world.store.replicas) == sum(healthy)
    assert len(world.told) == len(healthy) - sum(healthy)


def test_work_is_bounded_and_what_is_refused_is_counted() -> None:
    world = World(max_jobs=2)
    for key in ("one", "two", "three"):
        world.put(rule(), key=key)
    world.timers.wind(2)
    assert world.headers("two") == [COMPLETED]
    assert not world.headers("three")
    assert (world.service.stats.refused, world.service.stats.waiting) == (1, 0)


def test_a_reset_forgets_what_waits() -> None:
    world = World()
    world.put(rule())
    world.service.reset()
    world.timers.wind(2)
    assert not world.store.replicas
    assert world.service.stats.waiting == 0
