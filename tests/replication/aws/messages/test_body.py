"""Bodies of queue messages: each shape is found, and nothing is lost on the way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from replication.aws.messages.body import events_of
from replication.errors import Rejected
from replication.s3 import events
from replication.s3.events import (
    Changed,
    ConfigurationChanged,
    Created,
    Deleted,
    Ignored,
    Replicated,
)
from replication.times import Instant
from tests.support import payloads
from tests.support.payloads import RECEIVED, body, changed, payload, without

Kind = type[Created | Deleted | Changed | Replicated | ConfigurationChanged | Ignored | Rejected]

SAYS: dict[str, list[Kind]] = {
    "eventbridge-cloudtrail-delete-replication": [ConfigurationChanged],
    "eventbridge-cloudtrail-other-call": [Ignored],
    "eventbridge-cloudtrail-put-replication": [ConfigurationChanged],
    "eventbridge-cloudtrail-put-replication-denied": [Ignored],
    "eventbridge-scheduled": [ConfigurationChanged],
    "eventbridge-delete-marker-created": [Created],
    "eventbridge-lifecycle-delete-marker-created": [Created],
    "eventbridge-lifecycle-deleted": [Deleted],
    "eventbridge-object-acl-updated": [Changed],
    "eventbridge-object-annotation-created": [Ignored],
    "eventbridge-object-created": [Created],
    "eventbridge-object-created-encoded-looking-key": [Created],
    "eventbridge-object-created-unversioned": [Created],
    "eventbridge-object-deleted": [Deleted],
    "eventbridge-object-deleted-unversioned": [Deleted],
    "eventbridge-object-restore-completed": [Ignored],
    "eventbridge-object-retention-updated": [Changed],
    "eventbridge-object-storage-class-changed": [Ignored],
    "eventbridge-object-tags-added": [Changed],
    "eventbridge-object-tags-deleted": [Changed],
    "eventbridge-replica-created": [Created],
    "s3-lifecycle-expiration-delete": [Deleted],
    "s3-lifecycle-expiration-delete-marker": [Created],
    "s3-lifecycle-transition": [Ignored],
    "s3-object-acl-put": [Changed],
    "s3-object-created-copy": [Created],
    "s3-object-created-multipart-replica": [Created],
    "s3-object-created-prefixed-name": [Created],
    "s3-object-created-put": [Created],
    "s3-object-created-unversioned": [Created],
    "s3-object-removed-delete": [Deleted],
    "s3-object-removed-delete-marker": [Created],
    "s3-object-removed-delete-unversioned": [Deleted],
    "s3-object-restore-completed": [Ignored],
    "s3-object-retention-put": [Changed],
    "s3-object-tagging-delete": [Changed],
    "s3-object-tagging-put": [Changed],
    "s3-replication-failed": [Replicated],
    "s3-replication-failed-already-replicated": [Replicated],
    "s3-replication-missed-threshold": [Replicated],
    "s3-replication-not-tracked": [Replicated],
    "s3-replication-replicated-after-threshold": [Replicated],
    "s3-test-event": [ConfigurationChanged],
    "s3-two-records": [Created, Replicated],
    "s3-two-records-one-bad": [Created, Rejected],
    "sns-eventbridge-object-created": [Created],
    "sns-s3-replication-failed": [Replicated],
    "sns-s3-test-event": [ConfigurationChanged],
    "sns-subscription-confirmation": [Rejected],
}


def rejection(text: str) -> Rejected:
    [outcome] = events_of(text, RECEIVED)
    assert isinstance(outcome, Rejected)
    return outcome


def wrapped(text: str) -> str:
    return json.dumps({"Type": "Notification", "Message": text})


def test_every_payload_of_the_collection_is_expected_to_say_something() -> None:
    assert sorted(SAYS) == payloads.names()


@pytest.mark.parametrize("name", SAYS)
def test_every_shape_is_found(name: str) -> None:
    assert [type(outcome) for outcome in events_of(body(name), RECEIVED)] == SAYS[name]


@pytest.mark.parametrize("name", [name for name in SAYS if not name.startswith("sns-")])
def test_what_came_by_way_of_sns_says_the_same(name: str) -> None:
    direct, by_sns = events_of(body(name), RECEIVED), events_of(wrapped(body(name)), RECEIVED)
    assert list(map(str, direct)) == list(map(str, by_sns))


def test_a_notification_and_an_envelope_of_one_write_agree_on_the_version() -> None:
    [notification] = events_of(body("s3-object-created-put"), RECEIVED)
    [envelope] = events_of(body("eventbridge-object-created"), RECEIVED)
    assert isinstance(notification, Created)
    assert isinstance(envelope, Created)
    assert notification.version == envelope.version


def test_a_test_event_is_a_hint_to_read_the_configuration_of_its_bucket() -> None:
    [event] = events_of(body("s3-test-event"), RECEIVED)
    assert isinstance(event, ConfigurationChanged)
    assert event.bucket == "example-source"
    assert event.at == Instant("2026-11-22T08:00:00.123Z")
    assert events_of(body("s3-test-event"), RECEIVED) == [event]
    again = changed(payload("s3-test-event"), "RequestId", "EXAMPLE0REQUEST0")
    [other] = events_of(json.dumps(again), RECEIVED)
    assert isinstance(other, ConfigurationChanged)
    assert other.id != event.id


def test_a_bad_record_does_not_take_the_good_ones_with_it() -> None:
    good, bad = events_of(body("s3-two-records-one-bad"), RECEIVED)
    assert [good] == events_of(body("s3-two-records"), RECEIVED)[:1]
    assert isinstance(bad, Rejected)
    assert bad.reason == "missing-replication-data"
    assert bad.detail.startswith("record 2 of 2: ")


def test_outcomes_keep_the_order_of_the_records() -> None:
    one = payload("s3-object-created-put")["Records"][0]
    many: list[object] = [changed(one, "s3/object/key", f"key-{number}") for number in range(5)]
    many[3] = 7
    outcomes = events_of(json.dumps({"Records": many}), RECEIVED)
    keys = [outcome.version.key for outcome in outcomes if isinstance(outcome, Created)]
    assert keys == ["key-0", "key-1", "key-2", "key-4"]
    assert isinstance(outcomes[3], Rejected)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not-json"),
        ("hello", "not-json"),
        ('{"Records": [', "not-json"),
        ('{"Records": [NaN]}', "not-json"),
        ('{"Records": [-Infinity]}', "not-json"),
        ('{"Records": [' + "9" * 5000 + "]}", "not-json"),
        ('{"a":' * 100_000, "not-json"),
        ("[" * 100_000 + "]" * 100_000, "not-json"),
        ("\ufeff{}", "not-json"),
        ("null", "wrong-type"),
        ("[]", "wrong-type"),
        ('"text"', "wrong-type"),
        ("7", "wrong-type"),
        ("{}", "unknown-shape"),
        ('{"detail": {}}', "unknown-shape"),
        ('{"Event": "s3:OtherEvent", "Bucket": "example-source"}', "unknown-shape"),
        ('{"Records": []}', "missing-field"),
        ('{"Records": {}}', "wrong-type"),
        ('{"Records": null}', "wrong-type"),
        ('{"Records": [null]}', "wrong-type"),
        ('{"Records": [{}]}', "missing-field"),
        ('{"Type": "Notification"}', "wrong-type"),
        ('{"Type": "Notification", "Message": {}}', "wrong-type"),
        ('{"Type": "Notification", "Message": "hello"}', "not-json"),
        ('{"Type": "Notification", "Message": "{}"}', "unknown-shape"),
        ('{"Type": "UnsubscribeConfirmation"}', "unknown-shape"),
        ('{"Type": null}', "missing-field"),
        (wrapped(wrapped("{}")), "nested-too-deeply"),
        (body("sns-subscription-confirmation"), "unconfirmed-subscription"),
    ],
)
def test_a_body_of_no_known_shape_is_rejected_with_a_reason(text: str, reason: str) -> None:
    assert rejection(text).reason == reason


@pytest.mark.parametrize("path", ["Bucket", "Time"])
def test_a_test_event_that_names_no_bucket_or_time_is_rejected(path: str) -> None:
    assert rejection(json.dumps(without(payload("s3-test-event"), path))).reason == "missing-field"


def test_only_sns_may_wrap_and_only_once() -> None:
    twice = rejection(wrapped(body("sns-s3-test-event")))
    assert twice.reason == "nested-too-deeply"


def test_a_subscription_that_waits_tells_what_to_do() -> None:
    detail = rejection(body("sns-subscription-confirmation")).detail
    assert "bucket-events" in detail
    assert "SubscribeURL" in detail


@pytest.mark.parametrize("secret", ["s3cret" * 50_000, "\U000e0001" * 50_000])
def test_a_detail_quotes_little_of_what_it_rejects(secret: str) -> None:
    for text in (
        secret,
        json.dumps({f"{number}{secret}": secret for number in range(9)}),
        json.dumps({"detail-type": "Object Created", "source": secret}),
        json.dumps({"Records": [{"eventSource": secret}]}),
        json.dumps({"Type": secret}),
        wrapped(secret),
    ):
        assert len(rejection(text).detail) < 400


def test_a_rejection_keeps_no_frames_and_so_not_the_message() -> None:
    for text in ("hello", "{}", '{"Records": [{}, {}]}'):
        for outcome in events_of(text, RECEIVED):
            assert isinstance(outcome, Rejected)
            assert outcome.__traceback__ is None
            assert outcome.__context__ is None


def test_parsing_needs_no_aws_library_and_no_pydantic() -> None:
    """Import cost is paid at every cold start; the parsers must live on the standard library."""
    lambdas = str(Path(events.__file__).parents[2])
    code = (
        "import sys; sys.path.insert(0, sys.argv[1]); import replication.aws.messages.body;"
        "sys.exit(any(name.partition('.')[0] in ('boto3', 'botocore', 'pydantic',"
        " 'aws_lambda_powertools') for name in sys.modules))"
    )
    subprocess.run([sys.executable, "-I", "-c", code, lambdas], check=True, timeout=60)
