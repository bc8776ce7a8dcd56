"""What a change of an object's retention says, in either channel."""

from collections.abc import Callable

import pytest

from replication.aws.messages import eventbridge, s3_notifications
from replication.errors import Rejected
from replication.s3.events import Changed
from replication.s3.version import ObjectVersion
from tests.support.payloads import RECEIVED, Payload, payload, record

VERSION = ObjectVersion(
    "example-source", "TaxDocs/document1.pdf", "Xw0kq3sLr8Zt5mYb1NvHc7PdGe2RfJ9u"
)
UNTIL = "2027-01-01T00:00:00.000Z"
Read = Callable[[object], Changed]


def notified(data: object) -> Changed:
    raw = record("s3-object-retention-put")
    return changed(
        s3_notifications.event_of(_with(raw, "objectRetentionEventData", data), RECEIVED)
    )


def on_eventbridge(data: object) -> Changed:
    envelope = payload("eventbridge-object-retention-updated")
    envelope["detail"] = _with(envelope["detail"], "object-retention-event-data", _dashed(data))
    return changed(eventbridge.event_of(envelope, RECEIVED))


def changed(event: object) -> Changed:
    assert isinstance(event, Changed)
    return event


def _with(parent: Payload, name: str, data: object) -> Payload:
    left = {key: value for key, value in parent.items() if key != name}
    return left if data == "left out" else {**left, name: data}


def _dashed(data: object) -> object:
    names = {
        "retainUntilDate": "retain-until-date",
        "eventHold": "event-hold",
        "eventHoldDuration": "event-hold-duration",
    }
    return (
        {names.get(key, key): value for key, value in data.items()}
        if isinstance(data, dict)
        else data
    )


both = pytest.mark.parametrize("read", [notified, on_eventbridge])


def test_a_notification_of_a_retention_changes_a_version() -> None:
    event = changed(s3_notifications.event_of(record("s3-object-retention-put"), RECEIVED))
    assert (event.version, event.at) == (VERSION, "2026-11-22T09:34:00.120Z")
    assert event.retention == "GOVERNANCE 2027-11-22T00:00:00.000Z"
    assert (event.detail, event.whole_second) == ("ObjectRetention:Put", False)


def test_an_event_of_a_retention_changes_a_version() -> None:
    event = changed(eventbridge.event_of(payload("eventbridge-object-retention-updated"), RECEIVED))
    assert (event.version, event.at) == (VERSION, "2026-11-22T09:34:00.000Z")
    assert event.retention == "COMPLIANCE 2027-02-20T09:34:00.000Z hold=ON duration=90-days"
    assert (event.detail, event.whole_second) == ("Object Retention Updated", True)


@both
@pytest.mark.parametrize(
    ("data", "text"),
    [
        ("left out", "none"),
        (None, "none"),
        ({}, "none"),
        ({"mode": "GOVERNANCE", "retainUntilDate": UNTIL}, f"GOVERNANCE {UNTIL}"),
        ({"mode": "X", "retainUntilDate": "2027-01-01T01:00:00+01:00"}, f"X {UNTIL}"),
        ({"mode": "COMPLIANCE", "eventHold": "OFF"}, "COMPLIANCE hold=OFF"),
        (
            {"mode": "X", "retainUntilDate": UNTIL, "eventHold": "ON", "eventHoldDuration": 30},
            f"X {UNTIL} hold=ON duration=30",
        ),
        ({"eventHoldDuration": {"years": 2}}, "duration=2-years"),
        ({"eventHoldDuration": "P30D"}, "duration=P30D"),
        ({"mode": "COMPLIANCE", "somethingNew": [1]}, "COMPLIANCE"),
    ],
)
def test_equal_retentions_are_equal_texts_in_either_channel(
    read: Read, data: object, text: str
) -> None:
    assert read(data).retention == text


@both
@pytest.mark.parametrize(
    ("data", "reason"),
    [
        ("GOVERNANCE", "wrong-type"),
        (["GOVERNANCE"], "wrong-type"),
        ({"mode": 1}, "wrong-type"),
        ({"mode": "x" * 129}, "too-long"),
        ({"mode": "a\0"}, "bad-text"),
        ({"retainUntilDate": 1798761600}, "wrong-type"),
        ({"retainUntilDate": "for ever"}, "bad-time"),
        ({"retainUntilDate": "2027-01-01T00:00:00"}, "bad-time"),
        ({"eventHold": True}, "wrong-type"),
        ({"eventHoldDuration": True}, "wrong-type"),
        ({"eventHoldDuration": 1.5}, "wrong-type"),
        ({"eventHoldDuration": -1}, "wrong-type"),
        ({"eventHoldDuration": []}, "wrong-type"),
        ({"eventHoldDuration": {}}, "wrong-type"),
        ({"eventHoldDuration": {"days": "30"}}, "wrong-type"),
        ({"eventHoldDuration": {"months": 1}}, "wrong-type"),
    ],
)
def test_what_is_no_retention_is_rejected(read: Read, data: object, reason: str) -> None:
    with pytest.raises(Rejected) as caught:
        read(data)
    assert caught.value.reason == reason


def test_neither_size_nor_etag_is_asked_for() -> None:
    raw = record("s3-object-retention-put")
    raw["s3"]["object"] |= {"size": "huge", "eTag": 5}
    assert changed(s3_notifications.event_of(raw, RECEIVED)).version == VERSION
