"""What becomes of a version whose tags, ACL or lock change after it was written."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from local.s3_replication.events import LEGAL_HOLD, iso_milliseconds
from local.s3_replication.outcomes import Destination, Source
from tests.local.s3_replication.fakes import START, object_event
from tests.local.s3_replication.world import COMPLETED, FAILED, PENDING, World, ref, rule


def test_changed_tags_take_the_header_to_pending_and_back() -> None:
    world = World()
    rules = [rule("a"), rule("b")]
    world.put(*rules)
    world.timers.wind(2)
    world.service.change(ref(), object_event("ObjectTagging:Put"), rules)
    world.timers.wind(2)
    assert world.headers() == [PENDING, COMPLETED, PENDING, PENDING, COMPLETED]
    assert world.store.updated == [("a", True, False), ("b", True, False)]


def test_a_change_does_not_go_where_no_rule_leads_any_more() -> None:
    world = World()
    world.put(rule("a"), rule("b"))
    world.timers.wind(2)
    world.service.change(ref(), object_event("ObjectAcl:Put"), [rule("b")])
    world.timers.wind(2)
    assert world.store.updated == [("b", True, False)]


def test_a_change_goes_where_the_version_is_while_another_destination_fails_again() -> None:
    world = World()
    rules, key = [rule("a"), rule("b")], "fail-DstBucketNotFound@b"
    world.put(*rules, key=key)
    world.timers.wind(2)
    world.service.change(ref(key), object_event("ObjectTagging:Put", key), rules)
    assert world.headers(key)[-1] is PENDING
    world.timers.wind(2)
    assert world.headers(key)[-1] is FAILED
    assert world.store.updated == [("a", True, False)]


@pytest.mark.parametrize("name", ["ObjectTagging:Put", "ObjectAcl:Put"])
def test_a_change_heals_a_failure_once_its_cause_is_repaired(name: str) -> None:
    world = World()
    world.store.destinations["a"] = Destination(policy_allows=False)
    world.put(rule())
    world.timers.wind(2)
    del world.store.destinations["a"]
    world.timers.wind(1_000)
    assert world.headers() == [FAILED]
    world.service.change(ref(), object_event(name), [rule()])
    world.timers.wind(2)
    assert world.headers() == [FAILED, PENDING, COMPLETED]
    assert world.store.replicas == {("a", "v1"): True}
    assert [event.name for event in world.announcer.events] == ["ObjectCreated:Put"]


def test_a_change_before_the_repair_fails_again() -> None:
    world = World()
    world.store.destinations["a"] = Destination(policy_allows=False)
    world.put(rule(metrics=True))
    world.timers.wind(2)
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule(metrics=True)])
    world.timers.wind(2)
    assert world.headers() == [FAILED, PENDING, FAILED]
    assert world.told == ["OperationFailedReplication"] * 2


def test_a_replica_without_tags_gets_them_by_a_change_once_they_may_be_read() -> None:
    world = World()
    world.store.sources[ref()] = Source(tags_readable=False, tagged=True)
    world.put(rule(metrics=True))
    world.timers.wind(2)
    assert (world.headers(), world.store.replicas) == ([FAILED], {("a", "v1"): False})
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule(metrics=True)])
    world.timers.wind(2)
    assert world.store.updated == [("a", False, False)]
    world.store.sources.clear()
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule(metrics=True)])
    world.timers.wind(2)
    assert world.headers() == [FAILED, PENDING, FAILED, PENDING, COMPLETED]
    assert world.store.updated[1:] == [("a", True, False)]
    assert world.told == []


def test_a_change_that_no_rule_takes_any_more_changes_nothing() -> None:
    world = World()
    world.put(rule())
    world.timers.wind(2)
    world.service.change(ref(), object_event("ObjectTagging:Put"), [])
    world.timers.wind(2)
    assert (world.headers(), world.store.updated) == ([COMPLETED], [])


def test_a_version_no_rule_took_never_goes_whatever_changes() -> None:
    world = World(changes_reach_new_destinations=True)
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule()])
    world.timers.wind(2)
    assert not world.headers()
    assert not world.store.replicas


@pytest.mark.parametrize("reached", [False, True])
def test_whether_a_change_reaches_a_destination_added_since_is_a_choice(reached: bool) -> None:
    world = World(changes_reach_new_destinations=reached)
    world.put(rule("a"))
    world.timers.wind(2)
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule("a"), rule("b")])
    world.timers.wind(2)
    assert (("b", "v1") in world.store.replicas) is reached
    assert world.headers()[-1] is COMPLETED


def test_the_rule_of_now_carries_a_later_change() -> None:
    world = World()
    denied = "arn:aws:iam::000000000000:role/denied"
    world.put(rule(role=denied))
    world.timers.wind(2)
    assert world.headers() == [FAILED]
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule(role="arn:role/good")])
    world.timers.wind(2)
    assert world.headers()[-1] is COMPLETED


@pytest.mark.parametrize("name", ["ObjectRetention:Put", LEGAL_HOLD])
def test_a_changed_lock_takes_the_header_to_pending_and_back(name: str) -> None:
    world = World()
    world.put(rule())
    world.timers.wind(2)
    world.service.change(ref(), object_event(name), [rule()])
    world.timers.wind(2)
    assert world.headers() == [COMPLETED, PENDING, COMPLETED]
    assert world.store.updated == [("a", True, True)]


WRITTEN, CHANGED = object_event(), object_event("ObjectAcl:Put", at=START + timedelta(seconds=9))


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({}, [("OBJECT_ACL", iso_milliseconds(CHANGED.origin.at))]),
        (
            {"later_failure_names_put": True},
            [("OBJECT_PUT", iso_milliseconds(CHANGED.origin.at))],
        ),
        (
            {"later_failure_repeats_write": True},
            [("OBJECT_ACL", iso_milliseconds(WRITTEN.origin.at))],
        ),
        ({"later_failure_events": False}, []),
    ],
)
def test_what_is_told_of_a_later_change_that_fails_is_a_choice(
    settings: dict[str, Any], told: list[tuple[str, str]]
) -> None:
    world = World(**settings)
    world.put(rule(metrics=True))
    world.timers.wind(2)
    world.store.destinations["a"] = Destination(policy_allows=False)
    world.service.change(ref(), CHANGED, [rule(metrics=True)])
    world.timers.wind(2)
    assert world.headers()[-1] is FAILED
    found = [record["replicationEventData"] for record in world.announcer.records]
    assert [(data["s3Operation"], data["requestTime"]) for data in found] == told


def test_a_change_before_the_arrival_travels_with_it() -> None:
    world = World()
    world.put(rule())
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule()])
    world.timers.wind(3)
    assert world.headers() == [COMPLETED]
    assert world.store.updated == []


def test_a_change_of_a_replica_that_is_gone_fails() -> None:
    world = World()
    world.put(rule(metrics=True))
    world.timers.wind(2)
    world.store.replicas.clear()
    world.service.change(ref(), object_event("ObjectTagging:Put"), [rule(metrics=True)])
    world.timers.wind(2)
    assert world.headers()[-1] is FAILED
    data = world.announcer.records[0]["replicationEventData"]
    assert (data["failureReason"], data["s3Operation"]) == ("DstVersionNotFound", "OBJECT_TAGGING")


@pytest.mark.parametrize("emitted", [True, False])
@pytest.mark.parametrize(
    ("setting", "name"),
    [
        ("destination_tag_events", "ObjectTagging:Put"),
        ("destination_tag_events", "ObjectAcl:Put"),
        ("destination_retention_events", "ObjectRetention:Put"),
    ],
)
def test_events_of_replicated_changes_are_a_choice(setting: str, name: str, emitted: bool) -> None:
    world = World(**{setting: emitted})
    world.put(rule())
    world.timers.wind(2)
    world.announcer.events.clear()
    world.service.change(ref(), object_event(name), [rule()])
    world.timers.wind(2)
    names = [event.name for event in world.announcer.events]
    assert names == ([name] if emitted else [])


def test_a_replicated_legal_hold_is_never_an_event() -> None:
    world = World()
    world.put(rule())
    world.timers.wind(2)
    world.announcer.events.clear()
    world.service.change(ref(), object_event(LEGAL_HOLD), [rule()])
    world.timers.wind(2)
    assert world.announcer.events == []


@pytest.mark.parametrize("selected", [True, False])
def test_a_changed_replica_goes_back_only_where_the_rule_selects_replicas(selected: bool) -> None:
    world = World()
    back = rule("original", replica_modifications=selected)
    world.store.replicas["original", "v1"] = True
    world.service.change_replica(ref(), object_event("ObjectTagging:Put"), [back])
    assert world.store.updated == []
    world.timers.wind(2)
    assert world.store.updated == [("original", True, False)] * selected
    assert not world.headers()


def test_a_changed_replica_makes_no_version_where_its_original_is_gone() -> None:
    world = World()
    back = rule("original", replica_modifications=True)
    world.service.change_replica(ref(), object_event("ObjectTagging:Put"), [back])
    world.timers.wind(2)
    assert (world.store.updated, world.store.replicas, world.told) == ([], {}, [])
