"""What others have configured on a bucket is the same after ours is added, changed and removed."""

import copy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from replication.s3.bucket_notifications import (
    EVENT_BRIDGE,
    FUNCTIONS,
    OBJECT_EVENTS,
    QUEUES,
    TOPICS,
    Configuration,
    Ours,
    covers,
    taken,
    tells_topic,
    unwired,
    wired,
)

QUEUE = "arn:aws:sqs:eu-west-1:111122223333:ingest"
TOPIC = "arn:aws:sns:eu-west-1:111122223333:collected"
STACK = "arn:aws:cloudformation:eu-west-1:111122223333:stack/ours/7"
EVENTS = (
    "s3:Replication:OperationFailedReplication",
    "s3:Replication:OperationMissedThreshold",
    "s3:Replication:OperationReplicatedAfterThreshold",
    "s3:Replication:OperationNotTracked",
)
OURS = Ours("S3ReplicationTracker-dev", QUEUE, EVENTS, STACK)
BY_S3 = Ours(OURS.id, QUEUE, (*EVENTS, *OBJECT_EVENTS), STACK, eventbridge=False)
"""Of a source whose object events come as notifications."""
SILENT = Ours(OURS.id, QUEUE, (), STACK)
"""Of a bucket that sends to EventBridge alone."""
COLLECTED = Ours(OURS.id, TOPIC, EVENTS, STACK)
"""Of a source in another Region or account."""

anywhere = st.sampled_from([OURS, COLLECTED])

OTHER_EVENTS = ["s3:ObjectCreated:*", "s3:ObjectRemoved:Delete", "s3:LifecycleTransition"]
TARGETS = {QUEUES: "QueueArn", TOPICS: "TopicArn", FUNCTIONS: "LambdaFunctionArn"}


@st.composite
def entries(draw: st.DrawFn, kind: str, events: list[str]) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "Id": draw(st.text(min_size=1, max_size=20)),
        TARGETS[kind]: draw(st.sampled_from(["arn:theirs", "arn:gone", QUEUE, TOPIC])),
        "Events": draw(st.lists(st.sampled_from(events), min_size=1, unique=True)),
    }
    if draw(st.booleans()):
        rule = {"Name": draw(st.sampled_from(["Prefix", "suffix"])), "Value": draw(st.text())}
        entry["Filter"] = {"Key": {"FilterRules": [rule]}}
    return entry


@st.composite
def foreign(draw: st.DrawFn, events: list[str] = OTHER_EVENTS) -> dict[str, Any]:
    """A configuration without an entry of ours."""
    found: dict[str, Any] = {}
    for kind in draw(st.sets(st.sampled_from(sorted(TARGETS)))):
        found[kind] = draw(st.lists(entries(kind, events), min_size=1, max_size=3))
    if draw(st.booleans()):
        found[EVENT_BRIDGE] = {}
    return found


def theirs(now: Configuration) -> dict[str, Any]:
    """Without our entry and the switch of EventBridge."""
    kept = {
        kind: [one for one in now[kind] if one["Id"] != OURS.id] for kind in TARGETS if kind in now
    }
    return {kind: found for kind, found in kept.items() if found}


@given(foreign(), anywhere, anywhere)
def test_what_others_have_is_the_same_after_each_step(
    before: dict[str, Any], first: Ours, second: Ours
) -> None:
    untouched = copy.deepcopy(before)
    others = theirs(untouched)
    created = wired(before, first)
    fewer = wired(created, replace(first, events=EVENTS[:1]))
    moved = wired(fewer, replace(second, target=second.target + "-2"))
    steps = [created, fewer, moved, wired(moved, SILENT), unwired(moved, second)]
    for step in steps:
        assert theirs(step) == others
        assert EVENT_BRIDGE in step
    assert before == untouched, "what was read is not changed in place"
    assert unwired(moved, second) == {**untouched, EVENT_BRIDGE: {}}


@given(foreign())
def test_what_is_as_it_should_be_is_not_touched(before: dict[str, Any]) -> None:
    for ours in (OURS, COLLECTED, SILENT):
        created = wired(before, ours)
        assert wired(created, ours) is created
        removed = unwired(created, ours)
        assert unwired(removed, ours) is removed


@given(foreign(), anywhere)
def test_ours_is_there_once(before: dict[str, Any], ours: Ours) -> None:
    now = wired(wired(before, ours), ours)
    found = [(kind, one) for kind in TARGETS for one in now.get(kind, ()) if one["Id"] == ours.id]
    kind = TOPICS if ours is COLLECTED else QUEUES
    assert found == [(kind, {"Id": ours.id, TARGETS[kind]: ours.target, "Events": list(EVENTS)})]


@given(foreign([*OTHER_EVENTS, "s3:Replication:*", "s3:Replication:OperationMissedThreshold"]))
def test_an_entry_of_others_with_a_replication_event_is_in_the_way(now: dict[str, Any]) -> None:
    expected = [
        entry["Id"]
        for kind in TARGETS
        for entry in now.get(kind, [])
        if any("Replication" in event for event in entry["Events"]) and not OURS.owns(kind, entry)
    ]
    assert [one.id for one in taken(now, OURS)] == expected


def test_entries_that_cdks_handler_has_made_are_replaced_by_ours() -> None:
    old = [{"Id": f"{STACK}-{n}", "QueueArn": QUEUE, "Events": [EVENTS[n]]} for n in (0, 1)]
    now = {QUEUES: old, EVENT_BRIDGE: {}}
    assert taken(now, OURS) == []
    assert wired(now, OURS)[QUEUES] == [dict(OURS.entry)]


def test_the_id_of_ours_is_none_that_cdks_handler_removes() -> None:
    """It removes what has an id that begins with the stack's id and a hyphen."""
    assert not OURS.id.startswith(f"{STACK}-")


def test_an_entry_to_our_queue_is_ours_when_it_has_replication_events_alone() -> None:
    """Somebody followed the doctor's advice and wrote it by hand; or it has an older id."""
    by_hand = {"Id": "by hand", "QueueArn": QUEUE, "Events": ["s3:Replication:*"]}
    assert wired({QUEUES: [by_hand]}, OURS)[QUEUES] == [dict(OURS.entry)]
    created = {"Id": "created", "QueueArn": QUEUE, "Events": ["s3:ObjectCreated:*"]}
    assert created in wired({QUEUES: [created]}, OURS)[QUEUES]


def test_a_filter_on_ours_is_taken_away() -> None:
    rule = {"Name": "Prefix", "Value": "in/"}
    filtered = {**OURS.entry, "Filter": {"Key": {"FilterRules": [rule]}}}
    assert wired({QUEUES: [filtered], EVENT_BRIDGE: {}}, OURS)[QUEUES] == [dict(OURS.entry)]
    empty = {**OURS.entry, "Filter": {"Key": {"FilterRules": []}}}
    now = {QUEUES: [empty], EVENT_BRIDGE: {}}
    assert wired(now, OURS) is now


def test_a_topic_is_told_when_it_gets_failures() -> None:
    topic = "arn:aws:sns:eu-west-1:111122223333:theirs"

    def of(*events: str) -> Configuration:
        return {TOPICS: [{"Id": "t", "TopicArn": topic, "Events": list(events)}]}

    assert tells_topic(of("s3:Replication:*"), topic)
    assert tells_topic(of("s3:ObjectCreated:*", EVENTS[0]), topic)
    assert not tells_topic(of("s3:Replication:OperationNotTracked"), topic)
    assert not tells_topic(of("s3:Replication:*"), f"{topic}-2")
    assert not tells_topic({}, topic)


@given(foreign())
def test_without_eventbridge_its_switch_stays_as_it_is(before: dict[str, Any]) -> None:
    mine = [one for one in before.get(QUEUES, []) if BY_S3.owns(QUEUES, one)]
    assume(not mine)  # written by hand, as the doctor advises
    untouched = copy.deepcopy(before)
    created = wired(before, BY_S3)
    assert theirs(created) == theirs(untouched)
    assert (EVENT_BRIDGE in created) == (EVENT_BRIDGE in untouched)
    assert wired(created, BY_S3) is created
    back = wired(created, OURS)
    assert theirs(back) == theirs(untouched)
    assert dict(OURS.entry) in back[QUEUES], "the other way is one write, too"
    assert unwired(created, BY_S3) == untouched


@pytest.mark.parametrize(
    ("theirs", "in_the_way"),
    [
        ("s3:ObjectCreated:Put", True),
        ("s3:ObjectCreated:*", True),
        ("s3:ObjectRemoved:DeleteMarkerCreated", True),
        ("s3:LifecycleExpiration:Delete", True),
        ("s3:ObjectTagging:*", True),
        ("s3:ObjectRetention:Put", True),
        ("s3:Replication:*", True),
        ("s3:LifecycleTransition", False),
        ("s3:ObjectRestore:*", False),
    ],
)
def test_event_types_overlap_as_s3_sees_it(theirs: str, in_the_way: bool) -> None:
    rule = {"Name": "Prefix", "Value": "in/"}
    entry = {"Id": "x", "QueueArn": "arn:q", "Events": [theirs, "s3:IntelligentTiering"]}
    for one in (entry, {**entry, "Filter": {"Key": {"FilterRules": [rule]}}}):
        found = taken({QUEUES: [one]}, BY_S3)
        assert [one.events for one in found] == ([(theirs,)] if in_the_way else [])


def test_a_star_covers_what_begins_as_it_does() -> None:
    assert covers("s3:ObjectCreated:*", "s3:ObjectCreated:Put")
    assert covers("s3:ObjectCreated:*", "s3:ObjectCreated:*")
    assert not covers("s3:ObjectCreated:Put", "s3:ObjectCreated:*")
    assert not covers("s3:ObjectCreated:Put", "s3:ObjectCreated:Post")
