"""Laws of the parsers: total, bounded, deterministic, and true to what was encoded."""

import contextlib
import copy
import json
import re
from typing import Any
from urllib.parse import quote, quote_plus

from hypothesis import example, given
from hypothesis import strategies as st

from replication import errors, times
from replication.aws import json_fields
from replication.aws.messages import body as messages_body
from replication.aws.messages import eventbridge, s3_notifications
from replication.aws.messages.body import Outcome, events_of
from replication.errors import Rejected
from replication.s3.events import (
    Changed,
    ConfigurationChanged,
    Created,
    Deleted,
    Ignored,
    Replicated,
)
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support import payloads
from tests.support.payloads import RECEIVED, Payload, changed, payload, record

# Text of any sort, half surrogate pairs and NUL among it.
texts = st.text(max_size=40) | st.text(
    st.characters(categories=["Cs", "Cc", "Lu", "Nd"]), max_size=8
)
scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | texts
    | st.sampled_from(["", "null", "2.1", "aws:s3", "Notification", "9" * 400, "k" * 1100])
    | st.datetimes().map(lambda moment: moment.isoformat() + "Z")
)
names = texts | st.sampled_from(
    ["Records", "s3", "object", "key", "eventName", "Type", "Message", "detail", "detail-type"]
)


def nested(leaves: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    )


anything = nested(scalars)
# Without what only Python takes for JSON.
valid_json = nested(scalars.filter(lambda value: not isinstance(value, float)))
collected = st.sampled_from(payloads.names())

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", re.ASCII)
# What SQS takes in the value of a message attribute.
_ATTRIBUTE = re.compile("[\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]*")


def places(value: object, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to every value within a JSON value."""
    found = [path] if path else []
    if isinstance(value, dict | list):
        inner = value.items() if isinstance(value, dict) else enumerate(value)
        for name, child in inner:
            found += places(child, (*path, name))
    return found


@st.composite
def mutated(draw: st.DrawFn) -> Payload:
    """A valid payload in which a few values were replaced, removed or added."""
    result = payload(draw(collected))
    for _ in range(draw(st.integers(1, 3))):
        *steps, last = draw(st.sampled_from(places(result) or [("Records",)]))
        parent: Any = result
        for step in steps:
            parent = parent[step]
        match draw(st.sampled_from(["replace", "remove", "add"])):
            case "replace":
                parent[last] = draw(anything)
            case "remove" if len(parent) > 1:
                del parent[last]
            case _ if isinstance(parent, dict):
                parent[draw(names)] = draw(anything)
    return result


def check(outcome: Outcome) -> None:
    """What may be relied on about anything that was parsed."""
    match outcome:
        case Rejected():
            assert outcome.reason in set(errors.Reason)
            assert 0 < len(outcome.detail) < 400
            assert _ATTRIBUTE.fullmatch(outcome.detail)
        case Ignored():
            assert 0 < len(outcome.name) <= json_fields.NAME_LIMIT
        case ConfigurationChanged():
            check_moment(outcome.at, outcome.id)
        case Created() | Deleted() | Changed() | Replicated():
            check_moment(outcome.at, outcome.id)
            check_version(outcome.version)
            if isinstance(outcome, Created | Replicated) and outcome.size is not None:
                assert type(outcome.size) is int
                assert 0 <= outcome.size <= json_fields.SIZE_LIMIT


def check_moment(at: Instant, event_id: str) -> None:
    assert _INSTANT.fullmatch(at)
    assert times.EARLIEST <= at <= times.plus(RECEIVED, 86_400)
    assert 0 < len(event_id) <= json_fields.EVENT_ID_LIMIT
    assert not set(event_id) & set("#\"'\\\0 ")


def check_version(version: ObjectVersion) -> None:
    assert 3 <= len(version.bucket) <= 63
    assert 1 <= len(version.key.encode()) <= 1024
    assert 1 <= len(version.version_id.encode()) <= 900
    assert "\0" not in version.bucket + version.key + version.version_id


@given(st.text())
@example("[" * 100_000)
@example('"\\ud800"')
def test_any_text_is_an_event_or_a_rejection(body: str) -> None:
    outcomes = events_of(body, RECEIVED)
    assert outcomes
    for outcome in outcomes:
        check(outcome)


@given(anything)
def test_any_json_is_an_event_or_a_rejection(value: object) -> None:
    for outcome in events_of(json.dumps(value), RECEIVED):
        check(outcome)


@given(mutated())
def test_a_damaged_payload_is_an_event_or_a_rejection(value: Payload) -> None:
    outcomes = events_of(json.dumps(value), RECEIVED)
    assert outcomes
    for outcome in outcomes:
        check(outcome)


@given(st.dictionaries(names, anything, max_size=6))
def test_parsers_raise_rejected_or_nothing(value: Payload) -> None:
    for parse in (s3_notifications.event_of, eventbridge.event_of):
        try:
            check(parse(value, RECEIVED))
        except Rejected as rejected:
            check(rejected)


@given(mutated())
def test_parsing_is_deterministic_and_leaves_its_input_alone(value: Payload) -> None:
    body = json.dumps(value)
    assert list(map(str, events_of(body, RECEIVED))) == list(map(str, events_of(body, RECEIVED)))
    before = copy.deepcopy(value)
    for raw in value["Records"] if isinstance(value.get("Records"), list) else []:
        if isinstance(raw, dict):
            with contextlib.suppress(Rejected):
                s3_notifications.event_of(raw, RECEIVED)
    assert repr(value) == repr(before)


keys = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=256)


@given(keys, st.sampled_from(["/", ""]))
def test_any_key_survives_both_channels(key: str, safe: str) -> None:
    """Form-encoded in notifications (with `/` as it is or not), as it is in EventBridge."""
    encodings = [quote_plus(key, safe=safe), quote(key, safe=safe)]
    sent = [changed(record("s3-object-created-put"), "s3/object/key", text) for text in encodings]
    events = [s3_notifications.event_of(raw, RECEIVED) for raw in sent]
    raw = changed(payload("eventbridge-object-created"), "detail/object/key", key)
    for event in [*events, eventbridge.event_of(raw, RECEIVED)]:
        assert isinstance(event, Created)
        assert event.version.key == key
    assert events[0] == events[1]


@given(st.integers(1, 5), st.data())
def test_every_record_has_its_outcome(count: int, data: st.DataObject) -> None:
    good = record("s3-object-created-put")
    records = [data.draw(st.just(good) | valid_json) for _ in range(count)]
    outcomes = events_of(json.dumps({"Records": records}), RECEIVED)
    assert len(outcomes) == count
    for raw, outcome in zip(records, outcomes, strict=True):
        assert isinstance(outcome, Created) == (raw is good)


@given(
    st.datetimes(
        min_value=times.to_datetime(times.EARLIEST).replace(tzinfo=None),
        max_value=times.to_datetime(RECEIVED).replace(tzinfo=None),
    ),
    st.sampled_from(["milliseconds", "seconds", "microseconds"]),
    st.sampled_from(["Z", "+00:00", "+01:00", "-09:30"]),
)
def test_every_way_to_write_a_time_is_the_same_instant(
    moment: Any, precision: str, offset: str
) -> None:
    text = moment.isoformat(timespec=precision) + offset
    exact = times.to_datetime(Instant(text))
    at = json_fields.instant({"time": text}, "time", RECEIVED)
    assert _INSTANT.fullmatch(at)
    assert times.to_datetime(at) <= exact
    assert (exact - times.to_datetime(at)).total_seconds() < 0.001


def test_the_outcome_of_a_body_is_one_of_the_event_types_or_a_rejection() -> None:
    """`check` above knows every type there is."""
    assert set(messages_body.Outcome.__args__) == {
        Created,
        Deleted,
        Changed,
        Replicated,
        ConfigurationChanged,
        Ignored,
        Rejected,
    }
