"""EventBridge envelopes: what each says, and what none may say."""

import pytest

from replication.aws.messages.eventbridge import event_of
from replication.errors import Rejected
from replication.s3.events import Changed, ConfigurationChanged, Created, Deleted, Event, Ignored
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support.payloads import RECEIVED, Payload, changed, payload, without

VERSION_ID = "Xw0kq3sLr8Zt5mYb1NvHc7PdGe2RfJ9u"
VERSION = ObjectVersion("example-source", "TaxDocs/document1.pdf", VERSION_ID)
CREATED = "eventbridge-object-created"
DELETED = "eventbridge-object-deleted"
PUT_REPLICATION = "eventbridge-cloudtrail-put-replication"


def read(envelope: Payload) -> Event:
    return event_of(envelope, RECEIVED)


def created(envelope: Payload) -> Created:
    event = read(envelope)
    assert isinstance(event, Created)
    return event


def rejection(envelope: Payload) -> str:
    with pytest.raises(Rejected) as caught:
        read(envelope)
    return caught.value.reason


class TestObjectEvents:
    def test_object_created_is_a_created_version_of_a_whole_second(self) -> None:
        assert created(payload(CREATED)) == Created(
            version=VERSION,
            at=Instant("2026-11-22T09:15:02.000Z"),
            id="3c7e0000-1111-4222-8333-000000000001",
            whole_second=True,
            size=1024,
            etag="0123456789abcdef0123456789abcdef",
            sequencer="006741a3b61f2c9d40",
            detail="PutObject",
        )

    def test_a_replica_keeps_the_version_id_of_its_source(self) -> None:
        event = created(payload("eventbridge-replica-created"))
        assert event.version.bucket == "example-replica"
        assert event.version.version_id == VERSION_ID

    @pytest.mark.parametrize("requester", ["111122223333", "s3.amazonaws.com", None])
    def test_who_asked_for_it_decides_nothing(self, requester: str | None) -> None:
        envelope = changed(payload("eventbridge-replica-created"), "detail/requester", requester)
        assert read(envelope) == read(payload("eventbridge-replica-created"))

    @pytest.mark.parametrize("key", ["100%25+sure/%2F.txt", "a+b", "%00", "\N{SHORTCAKE} 1"])
    def test_keys_are_taken_as_they_come(self, key: str) -> None:
        assert created(changed(payload(CREATED), "detail/object/key", key)).version.key == key

    def test_a_delete_marker_is_created_not_deleted(self) -> None:
        event = created(payload("eventbridge-delete-marker-created"))
        assert event.delete_marker
        assert not event.by_lifecycle

    def test_a_delete_marker_of_lifecycle_says_so(self) -> None:
        event = created(payload("eventbridge-lifecycle-delete-marker-created"))
        assert event.delete_marker
        assert event.by_lifecycle

    @pytest.mark.parametrize("name", [DELETED, "eventbridge-lifecycle-deleted"])
    def test_a_permanent_delete_ends_the_version_whoever_made_it(self, name: str) -> None:
        event = read(payload(name))
        assert isinstance(event, Deleted)
        assert (event.version, event.whole_second) == (VERSION, True)
        assert event.detail == payload(name)["detail"]["reason"]

    @pytest.mark.parametrize("name", [CREATED, DELETED, "eventbridge-object-tags-added"])
    @pytest.mark.parametrize("nothing", ["absent", "", None, "null"])
    def test_no_version_id_is_the_version_null(self, name: str, nothing: str | None) -> None:
        path = "detail/object/version-id"
        envelope = (
            without(payload(name), path)
            if nothing == "absent"
            else changed(payload(name), path, nothing)
        )
        event = read(envelope)
        assert isinstance(event, Created | Deleted | Changed)
        assert event.version.version_id == "null"

    @pytest.mark.parametrize(
        "name",
        [
            "eventbridge-object-tags-added",
            "eventbridge-object-tags-deleted",
            "eventbridge-object-acl-updated",
        ],
    )
    def test_tags_and_acl_change_a_version(self, name: str) -> None:
        event = read(payload(name))
        assert isinstance(event, Changed)
        assert (event.version, event.whole_second) == (VERSION, True)
        assert event.detail == payload(name)["detail-type"]
        assert event.retention is None

    @pytest.mark.parametrize(
        "detail_type",
        [
            "Object Restore Completed",
            "Object Annotation Created",
            "Object Annotation Removed",
            "Object Sung",
        ],
    )
    def test_an_unknown_detail_type_is_ignored_by_its_name(self, detail_type: str) -> None:
        envelope = changed(payload(CREATED), "detail-type", detail_type)
        assert read(envelope) == Ignored(detail_type)
        assert read(changed(envelope, "detail", "of any shape")) == Ignored(detail_type)

    @pytest.mark.parametrize("version", ["1.0", "1.1", "1.27"])
    def test_the_event_version_may_be_of_any_minor_or_absent(self, version: str) -> None:
        envelope = changed(payload(CREATED), "detail/event-version", version)
        assert read(envelope) == read(without(payload(CREATED), "detail/event-version"))

    def test_another_major_event_version_is_rejected(self) -> None:
        envelope = changed(payload(CREATED), "detail/event-version", "2.0")
        assert rejection(envelope) == "unknown-version"

    @pytest.mark.parametrize(
        ("deletion_type", "reason"),
        [("Misplaced", "unknown-deletion-type"), ("", "missing-field"), (1, "wrong-type")],
    )
    def test_a_delete_of_an_unknown_type_is_not_guessed(
        self, deletion_type: object, reason: str
    ) -> None:
        envelope = changed(payload(DELETED), "detail/deletion-type", deletion_type)
        assert rejection(envelope) == reason

    @pytest.mark.parametrize(
        ("path", "value", "reason"),
        [
            ("source", "aws.ec2", "unknown-source"),
            ("source", None, "missing-field"),
            ("detail-type", "", "missing-field"),
            ("detail-type", 5, "wrong-type"),
            ("detail", None, "missing-field"),
            ("detail", [], "wrong-type"),
            ("detail/bucket", "example-source", "wrong-type"),
            ("detail/bucket/name", "Not A Bucket", "bad-bucket-name"),
            ("detail/object", None, "missing-field"),
            ("detail/object/key", "", "missing-field"),
            ("detail/object/key", "k" * 1025, "key-too-long"),
            ("detail/object/key", "a\0b", "bad-text"),
            ("detail/object/key", "\udfff", "bad-text"),
            ("detail/object/version-id", "v" * 901, "version-id-too-long"),
            ("detail/object/size", -1, "bad-size"),
            ("detail/object/etag", "e" * 129, "too-long"),
            ("detail/object/sequencer", "0" * 65, "too-long"),
            ("detail/reason", "r" * 129, "too-long"),
            ("id", None, "missing-field"),
            ("id", "i" * 257, "too-long"),
            ("id", 'quote"; drop', "bad-event-id"),
            ("id", "hash#hash", "bad-event-id"),
            ("time", None, "missing-field"),
            ("time", "2026-11-22", "bad-time"),
            ("time", "2005-01-01T00:00:00Z", "absurd-time"),
            ("time", "2027-01-01T00:00:01Z", "absurd-time"),
        ],
    )
    def test_what_cannot_be_is_rejected(self, path: str, value: object, reason: str) -> None:
        assert rejection(changed(payload(CREATED), path, value)) == reason

    def test_the_longest_key_is_read(self) -> None:
        key = "\N{SHORTCAKE}" * 256
        assert created(changed(payload(CREATED), "detail/object/key", key)).version.key == key


class TestConfigurationChanges:
    @pytest.mark.parametrize("name", [PUT_REPLICATION, "eventbridge-cloudtrail-delete-replication"])
    def test_a_call_that_changed_a_configuration_names_its_bucket(self, name: str) -> None:
        assert read(payload(name)) == ConfigurationChanged(
            "example-source", Instant("2026-11-22T08:30:00.000Z"), payload(name)["id"]
        )

    @pytest.mark.parametrize("rules", [{"ID": "one"}, [{"ID": "one"}, {"ID": "two"}], None])
    def test_the_shape_of_the_rules_does_not_matter(self, rules: object) -> None:
        path = "detail/requestParameters/ReplicationConfiguration/Rule"
        assert read(changed(payload(PUT_REPLICATION), path, rules)) == read(
            payload(PUT_REPLICATION)
        )

    def test_a_refused_call_changed_nothing(self) -> None:
        denied = payload("eventbridge-cloudtrail-put-replication-denied")
        assert read(denied) == Ignored("PutBucketReplication")

    @pytest.mark.parametrize(
        ("path", "value", "name"),
        [
            ("detail/eventName", "PutBucketTagging", "PutBucketTagging"),
            ("detail/eventSource", "s3express.amazonaws.com", "PutBucketReplication"),
        ],
    )
    def test_other_calls_are_ignored(self, path: str, value: str, name: str) -> None:
        assert read(changed(payload(PUT_REPLICATION), path, value)) == Ignored(name)

    @pytest.mark.parametrize(
        ("path", "value", "reason"),
        [
            ("detail/requestParameters", None, "missing-field"),
            ("detail/requestParameters/bucketName", "a/b", "bad-bucket-name"),
            ("detail/eventName", None, "missing-field"),
        ],
    )
    def test_a_call_that_names_no_bucket_is_rejected(
        self, path: str, value: object, reason: str
    ) -> None:
        assert rejection(changed(payload(PUT_REPLICATION), path, value)) == reason

    def test_a_refresh_is_of_every_bucket(self) -> None:
        event = read(payload("eventbridge-scheduled"))
        assert isinstance(event, ConfigurationChanged)
        assert event.bucket is None

    def test_another_event_of_the_scheduler_is_ignored(self) -> None:
        envelope = payload("eventbridge-scheduled")
        assert read(changed(envelope, "detail-type", "Good Morning")) == Ignored("Good Morning")
