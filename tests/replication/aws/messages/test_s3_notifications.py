"""Records of S3 notifications: what each says, and what none may say."""

import json

import pytest

from replication.aws.messages.body import events_of
from replication.aws.messages.s3_notifications import event_of
from replication.errors import Rejected
from replication.s3.events import Changed, Created, Deleted, Event, Ignored, Operation, Replicated
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus
from tests.support.payloads import RECEIVED, Payload, changed, record, without

VERSION_ID = "Xw0kq3sLr8Zt5mYb1NvHc7PdGe2RfJ9u"
VERSION = ObjectVersion("example-source", "TaxDocs/document1.pdf", VERSION_ID)
CREATED = "s3-object-created-put"
FAILED = "s3-replication-failed"
TAGGED = "s3-object-tagging-put"
PIE = "\N{SHORTCAKE}"


def read(raw: Payload) -> Event:
    return event_of(raw, RECEIVED)


def created(raw: Payload) -> Created:
    event = read(raw)
    assert isinstance(event, Created)
    return event


def replicated(raw: Payload) -> Replicated:
    event = read(raw)
    assert isinstance(event, Replicated)
    return event


def id_of(raw: Payload) -> str:
    event = read(raw)
    assert not isinstance(event, Ignored)
    return event.id


def rejection(raw: Payload) -> str:
    with pytest.raises(Rejected) as caught:
        read(raw)
    return caught.value.reason


class TestWhatARecordSays:
    def test_a_put_is_a_created_version_with_everything_s3_tells_of_it(self) -> None:
        event = created(record(CREATED))
        assert event == Created(
            version=VERSION,
            at=Instant("2026-11-22T09:15:02.120Z"),
            id=event.id,
            whole_second=False,
            size=1024,
            etag="0123456789abcdef0123456789abcdef",
            sequencer="006741A3B61F2C9D40",
            detail="ObjectCreated:Put",
        )

    def test_a_replica_keeps_the_version_id_of_its_source(self) -> None:
        event = created(record("s3-object-created-multipart-replica"))
        assert event.version.bucket == "example-replica"
        assert event.version.version_id == VERSION_ID

    def test_a_delete_marker_is_created_not_deleted(self) -> None:
        event = created(record("s3-object-removed-delete-marker"))
        assert event.delete_marker
        assert not event.by_lifecycle
        assert event.size is None

    def test_a_delete_marker_of_lifecycle_says_so(self) -> None:
        event = created(record("s3-lifecycle-expiration-delete-marker"))
        assert event.delete_marker
        assert event.by_lifecycle

    @pytest.mark.parametrize(
        ("name", "at"),
        [
            ("s3-object-removed-delete", "2026-11-22T10:00:00.001Z"),
            ("s3-lifecycle-expiration-delete", "2026-12-01T00:00:00.000Z"),
        ],
    )
    def test_a_delete_of_a_version_ends_it_whoever_made_it(self, name: str, at: str) -> None:
        event = read(record(name))
        assert isinstance(event, Deleted)
        assert (event.version, event.at) == (VERSION, at)
        assert event.sequencer is not None

    @pytest.mark.parametrize("name", [TAGGED, "s3-object-tagging-delete", "s3-object-acl-put"])
    def test_tags_and_acl_change_a_version(self, name: str) -> None:
        event = read(record(name))
        assert isinstance(event, Changed)
        assert event.version == VERSION
        assert event.detail == record(name)["eventName"]
        assert event.retention is None

    @pytest.mark.parametrize(
        "name",
        [
            "ObjectRestore:Completed",
            "LifecycleTransition",
            "IntelligentTiering",
            "ReducedRedundancyLostObject",
            "ObjectAnnotation:Put",
            "ObjectAnnotation:Delete",
            "ObjectRetention:Delete",
            "ObjectAcl:Delete",
            "ObjectRemoved:SomethingNew",
            "Replication:OperationOfTomorrow",
        ],
    )
    def test_an_event_of_no_interest_is_ignored_by_its_name(self, name: str) -> None:
        assert read(changed(record(CREATED), "eventName", f"s3:{name}")) == Ignored(name)

    def test_a_name_that_is_only_a_prefix_is_ignored_by_that(self) -> None:
        assert read(changed(record(CREATED), "eventName", "s3:")) == Ignored("s3:")

    @pytest.mark.parametrize("prefix", ["", "s3:"])
    @pytest.mark.parametrize("name", [CREATED, TAGGED, FAILED, "s3-object-removed-delete"])
    def test_names_come_with_and_without_s3(self, name: str, prefix: str) -> None:
        raw = record(name)
        prefixed = changed(raw, "eventName", prefix + raw["eventName"])
        assert read(prefixed) == read(raw)

    @pytest.mark.parametrize("version", ["2.1", "2.2", "2.3", "2.4", "2.5", "2.6", "2.17", "2"])
    def test_any_minor_version_of_two_is_read(self, version: str) -> None:
        assert read(changed(record(CREATED), "eventVersion", version)) == read(record(CREATED))

    @pytest.mark.parametrize("version", ["1.0", "3.0", "20.1", "v2.1", ".2"])
    def test_another_major_version_is_rejected(self, version: str) -> None:
        assert rejection(changed(record(CREATED), "eventVersion", version)) == "unknown-version"

    def test_unknown_fields_change_nothing(self) -> None:
        raw = changed(record(FAILED), "s3/object/newField", {"a": [1]})
        raw = changed(raw, "replicationEventData/newField", None)
        assert read(changed(raw, "newEventData", {})) == read(record(FAILED))


class TestReplicationEvents:
    def test_a_failure_names_rule_destination_code_and_request(self) -> None:
        event = replicated(record(FAILED))
        assert event == Replicated(
            operation=Operation.FAILED,
            version=VERSION,
            destination="example-replica",
            at=Instant("2026-11-22T09:15:09.877Z"),
            id=event.id,
            rule_id="tax",
            requested_at=Instant("2026-11-22T09:15:02.120Z"),
            failure_code="DstPutObjectNotPermitted",
            size=1024,
            etag="0123456789abcdef0123456789abcdef",
            sequencer="006741A3B61F2C9D40",
            s3_operation="OBJECT_PUT",
        )

    @pytest.mark.parametrize(
        ("name", "operation"),
        [
            ("s3-replication-missed-threshold", Operation.MISSED_THRESHOLD),
            ("s3-replication-replicated-after-threshold", Operation.REPLICATED_AFTER_THRESHOLD),
            ("s3-replication-not-tracked", Operation.NOT_TRACKED),
        ],
    )
    def test_the_other_operations_of_s3_are_told_apart(
        self, name: str, operation: Operation
    ) -> None:
        event = replicated(record(name))
        assert event.operation is operation
        assert event.failure_code is None

    def test_already_replicated_stays_a_failure_with_its_code_here(self) -> None:
        event = replicated(record("s3-replication-failed-already-replicated"))
        assert event.operation is Operation.FAILED
        assert event.failure_code == "SrcReplicationNotPending"

    @pytest.mark.parametrize("code", ["DstVersionNotFound ", " DstVersionNotFound\n\t"])
    def test_blanks_around_a_code_are_no_part_of_it(self, code: str) -> None:
        raw = changed(record(FAILED), "replicationEventData/failureReason", code)
        assert replicated(raw).failure_code == "DstVersionNotFound"

    def test_an_unknown_code_passes(self) -> None:
        raw = changed(record(FAILED), "replicationEventData/failureReason", "DstOnTheMoon")
        assert replicated(raw).failure_code == "DstOnTheMoon"

    @pytest.mark.parametrize("nothing", ["", None, "   "])
    def test_a_blank_code_is_none(self, nothing: str | None) -> None:
        raw = changed(record(FAILED), "replicationEventData/failureReason", nothing)
        assert replicated(raw).failure_code is None

    @pytest.mark.parametrize("field", ["replicationRuleId", "requestTime", "s3Operation"])
    @pytest.mark.parametrize("nothing", ["", None])
    def test_what_is_empty_is_unknown(self, field: str, nothing: str | None) -> None:
        emptied = read(changed(record(FAILED), f"replicationEventData/{field}", nothing))
        assert emptied == read(without(record(FAILED), f"replicationEventData/{field}"))

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (15, 15.0),
            (15.5, 15.5),
            ("15", 15.0),
            ("1591.25", 1591.25),
            ("", None),
            (None, None),
            ("PT15M", None),
            ("15 minutes", None),
            ("inf", None),
            (10**400, None),
        ],
    )
    @pytest.mark.parametrize("field", ["threshold", "replicationTime"])
    def test_threshold_and_replication_time_are_numbers_or_their_text(
        self, field: str, value: object, expected: float | None
    ) -> None:
        event = replicated(changed(record(FAILED), f"replicationEventData/{field}", value))
        found = event.threshold if field == "threshold" else event.replication_time
        assert found == expected

    @pytest.mark.parametrize("value", [True, [15], {"Minutes": 15}])
    @pytest.mark.parametrize("field", ["threshold", "replicationTime"])
    def test_what_is_no_number_at_all_is_rejected(self, field: str, value: object) -> None:
        raw = changed(record(FAILED), f"replicationEventData/{field}", value)
        assert rejection(raw) == "wrong-type"

    @pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov"])
    def test_a_destination_is_an_arn_of_any_partition(self, partition: str) -> None:
        arn = f"arn:{partition}:s3:::other-replica"
        raw = changed(record(FAILED), "replicationEventData/destinationBucket", arn)
        assert replicated(raw).destination == "other-replica"

    @pytest.mark.parametrize(
        ("arn", "reason"),
        [
            ("example-replica", "bad-bucket-arn"),
            ("arn:aws:s3:::", "bad-bucket-arn"),
            ("arn:aws:s3:::a b c", "bad-bucket-name"),
            ("", "missing-field"),
            (7, "wrong-type"),
        ],
    )
    def test_a_destination_that_is_no_bucket_is_rejected(self, arn: object, reason: str) -> None:
        raw = changed(record(FAILED), "replicationEventData/destinationBucket", arn)
        assert rejection(raw) == reason

    @pytest.mark.parametrize("name", [operation.value for operation in Operation])
    def test_a_replication_event_needs_its_data(self, name: str) -> None:
        raw = changed(record(CREATED), "eventName", name)
        assert rejection(raw) == "missing-replication-data"
        assert rejection(changed(raw, "replicationEventData", [])) == "wrong-type"


class TestKeysAndVersions:
    @pytest.mark.parametrize(
        ("sent", "key"),
        [
            ("red+flower.jpg", "red flower.jpg"),
            ("red%20flower.jpg", "red flower.jpg"),
            ("1%2B1%3D2", "1+1=2"),
            ("100%25", "100%"),
            ("100%", "100%"),
            ("a%2525b", "a%25b"),
            ("folder/leaf", "folder/leaf"),
            ("folder%2Fleaf", "folder/leaf"),
            ("caf%C3%A9", "caf\N{LATIN SMALL LETTER E WITH ACUTE}"),
            (
                "caf\N{LATIN SMALL LETTER E WITH ACUTE}+1",
                "caf\N{LATIN SMALL LETTER E WITH ACUTE} 1",
            ),
            ("%F0%9F%8D%B0", PIE),
            (PIE, PIE),
            ("line%0Abreak%09tab", "line\nbreak\ttab"),
            ("+", " "),
        ],
    )
    def test_keys_are_form_encoded(self, sent: str, key: str) -> None:
        assert created(changed(record(CREATED), "s3/object/key", sent)).version.key == key

    @pytest.mark.parametrize(
        "longest",
        ["k" * 1024, "%F0%9F%8D%B0" * 256, PIE * 256, "%6B" * 1024],
    )
    def test_a_key_has_up_to_1024_bytes_of_utf_8(self, longest: str) -> None:
        event = created(changed(record(CREATED), "s3/object/key", longest))
        assert len(event.version.key.encode()) == 1024
        assert rejection(changed(record(CREATED), "s3/object/key", longest + "k")) == "key-too-long"

    @pytest.mark.parametrize(
        ("key", "reason"),
        [
            ("", "missing-field"),
            (None, "missing-field"),
            (7, "wrong-type"),
            (["k"], "wrong-type"),
            ("%00", "bad-text"),
            ("a\0b", "bad-text"),
            ("%FF", "bad-text"),
            ("%ED%A0%80", "bad-text"),
            ("\ud83c", "bad-text"),
            ("k" * 100_000, "key-too-long"),
        ],
    )
    def test_a_key_that_cannot_be_one_is_rejected(self, key: object, reason: str) -> None:
        assert rejection(changed(record(CREATED), "s3/object/key", key)) == reason

    @pytest.mark.parametrize("nothing", ["absent", "", None, "null"])
    @pytest.mark.parametrize("name", [CREATED, TAGGED, FAILED, "s3-object-removed-delete"])
    def test_no_version_id_is_the_version_null(self, name: str, nothing: str | None) -> None:
        raw = (
            without(record(name), "s3/object/versionId")
            if nothing == "absent"
            else changed(record(name), "s3/object/versionId", nothing)
        )
        event = read(raw)
        assert isinstance(event, Created | Changed | Replicated | Deleted)
        assert event.version.version_id == "null"

    def test_a_version_id_leaves_room_for_a_destination_beside_it(self) -> None:
        longest = changed(record(CREATED), "s3/object/versionId", "v" * 900)
        assert created(longest).version.version_id == "v" * 900
        for long in ("v" * 901, PIE * 226, "v" * 5000):
            raw = changed(record(CREATED), "s3/object/versionId", long)
            assert rejection(raw) in ("version-id-too-long", "too-long")

    @pytest.mark.parametrize(
        "name",
        [
            "",
            "ab",
            "a" * 64,
            "a/b/c",
            "a#b",
            "-abc",
            "a b c",
            "b\N{LATIN SMALL LETTER E WITH ACUTE}b",
        ],
    )
    def test_a_bucket_name_that_cannot_be_one_is_rejected(self, name: str) -> None:
        reason = "bad-bucket-name" if name else "missing-field"
        assert rejection(changed(record(CREATED), "s3/bucket/name", name)) == reason

    @pytest.mark.parametrize("name", ["abc", "a" * 63, "a.b-c", "Old_Bucket", "1.2"])
    def test_bucket_names_of_all_ages_are_read(self, name: str) -> None:
        raw = changed(record(CREATED), "s3/bucket/name", name)
        assert created(raw).version.bucket == name


class TestBounds:
    @pytest.mark.parametrize("size", [0, 1, 2**53])
    def test_a_size_is_a_whole_number_of_bytes(self, size: int) -> None:
        assert created(changed(record(CREATED), "s3/object/size", size)).size == size

    @pytest.mark.parametrize("size", [-1, 1.0, 2**53 + 1, True, "1024", "", [], float("nan")])
    def test_any_other_size_is_rejected(self, size: object) -> None:
        assert rejection(changed(record(CREATED), "s3/object/size", size)) == "bad-size"

    @pytest.mark.parametrize(
        ("path", "limit"),
        [
            ("s3/object/eTag", 128),
            ("s3/object/sequencer", 64),
            ("replicationEventData/replicationRuleId", 255),
            ("replicationEventData/failureReason", 128),
            ("replicationEventData/s3Operation", 128),
        ],
    )
    def test_text_has_a_limit_in_characters(self, path: str, limit: int) -> None:
        replicated(changed(record(FAILED), path, PIE * limit))
        assert rejection(changed(record(FAILED), path, "x" * (limit + 1))) == "too-long"
        assert rejection(changed(record(FAILED), path, "x\0")) == "bad-text"
        assert rejection(changed(record(FAILED), path, "\udc00x")) == "bad-text"
        assert rejection(changed(record(FAILED), path, {})) == "wrong-type"

    @pytest.mark.parametrize(
        ("time", "at"),
        [
            ("2026-11-22T09:15:02.120Z", "2026-11-22T09:15:02.120Z"),
            ("2026-11-22T10:15:02.120+01:00", "2026-11-22T09:15:02.120Z"),
            ("2026-11-22T09:15:02.120999Z", "2026-11-22T09:15:02.120Z"),
            ("2006-03-14T00:00:00.000Z", "2006-03-14T00:00:00.000Z"),
        ],
    )
    def test_times_are_told_in_utc_and_milliseconds(self, time: str, at: str) -> None:
        event = created(changed(record(CREATED), "eventTime", time))
        assert (event.at, event.whole_second) == (at, False)

    def test_a_time_without_decimals_is_a_whole_second(self) -> None:
        event = created(changed(record(CREATED), "eventTime", "2026-11-22T09:15:02Z"))
        assert (event.at, event.whole_second) == ("2026-11-22T09:15:02.000Z", True)

    @pytest.mark.parametrize(
        ("time", "reason"),
        [
            ("yesterday", "bad-time"),
            ("2026-11-22T09:15:02.120", "bad-time"),
            ("2026-02-30T00:00:00.000Z", "bad-time"),
            ("0001-01-01T00:00:00.000Z", "bad-time"),
            ("9999-12-31T23:59:59.999Z", "bad-time"),
            ("\ud800", "bad-text"),
            (1700000000, "wrong-type"),
            ("", "missing-field"),
            ("1970-01-01T00:00:00.000Z", "absurd-time"),
            ("2006-03-13T23:59:59.999Z", "absurd-time"),
            ("1000-01-01T00:00:00.000+23:00", "absurd-time"),
            ("9998-12-31T23:59:59.999Z", "absurd-time"),
        ],
    )
    @pytest.mark.parametrize("path", ["eventTime", "replicationEventData/requestTime"])
    def test_a_time_that_cannot_be_is_rejected(self, path: str, time: object, reason: str) -> None:
        raw = changed(record(FAILED), path, time)
        if path.endswith("requestTime") and time == "":
            assert replicated(raw).requested_at is None
        else:
            assert rejection(raw) == reason

    def test_midnight_is_never_kept_as_hour_24(self) -> None:
        """Python before 3.13 reads no such hour, later ones read the next day."""
        raw = changed(record(CREATED), "eventTime", "2026-11-22T24:00:00.000Z")
        [outcome] = events_of(json.dumps({"Records": [raw]}), RECEIVED)
        if isinstance(outcome, Rejected):
            assert outcome.reason == "bad-time"
        else:
            assert isinstance(outcome, Created)
            assert outcome.at == "2026-11-23T00:00:00.000Z"

    def test_clocks_may_differ_by_a_day(self) -> None:
        tomorrow = plus(RECEIVED, 86_400)
        assert created(changed(record(CREATED), "eventTime", tomorrow)).at == tomorrow
        later = plus(RECEIVED, 86_400.001)
        assert rejection(changed(record(CREATED), "eventTime", later)) == "absurd-time"

    @pytest.mark.parametrize(
        "path",
        [
            "eventSource",
            "eventVersion",
            "eventName",
            "eventTime",
            "s3",
            "s3/bucket",
            "s3/bucket/name",
            "s3/object",
            "s3/object/key",
            "replicationEventData/destinationBucket",
        ],
    )
    def test_what_must_be_there_is_missed_by_name(self, path: str) -> None:
        with pytest.raises(Rejected) as caught:
            read(without(record(FAILED), path))
        assert caught.value.reason == "missing-field"
        assert path.rpartition("/")[2] in caught.value.detail
        assert rejection(changed(record(FAILED), path, [])) == "wrong-type"

    @pytest.mark.parametrize("source", ["minio:s3", "aws:sns", "aws.s3"])
    def test_what_does_not_come_from_s3_is_rejected(self, source: str) -> None:
        assert rejection(changed(record(CREATED), "eventSource", source)) == "unknown-source"


class TestIds:
    @pytest.mark.parametrize(
        ("name", "word"),
        [
            (CREATED, "created"),
            ("s3-object-removed-delete-marker", "marker"),
            ("s3-object-removed-delete", "deleted"),
            (TAGGED, "changed"),
            ("s3-object-acl-put", "changed"),
            ("s3-object-retention-put", "changed"),
            (FAILED, "failed"),
            ("s3-replication-missed-threshold", "missed"),
            ("s3-replication-replicated-after-threshold", "replicated"),
            ("s3-replication-not-tracked", "untracked"),
        ],
    )
    def test_an_id_says_what_it_is_the_id_of(self, name: str, word: str) -> None:
        found, _, digest = id_of(record(name)).rpartition("-")
        assert found == word
        assert len(digest) == 16
        assert set(digest) <= set("0123456789abcdef")

    @pytest.mark.parametrize("name", [CREATED, TAGGED, FAILED, "s3-object-removed-delete"])
    def test_a_redelivery_has_the_same_id(self, name: str) -> None:
        again = changed(record(name), "s3/configurationId", "another-notification")
        again = changed(again, "eventVersion", "2.9")
        assert id_of(again) == id_of(record(name))

    def test_a_failure_and_the_write_it_failed_to_replicate_have_different_ids(self) -> None:
        write = record(CREATED)
        failure = changed(record(FAILED), "eventTime", write["eventTime"])
        assert failure["replicationEventData"]["requestTime"] == write["eventTime"]
        assert failure["s3"]["object"] == write["s3"]["object"]
        failure = changed(failure, "responseElements", write["responseElements"])
        assert id_of(failure) != id_of(write)

    @pytest.mark.parametrize(
        ("path", "other"),
        [
            ("eventTime", "2026-11-22T09:15:02.121Z"),
            ("s3/bucket/name", "other-bucket"),
            ("s3/object/key", "other"),
            ("s3/object/versionId", "other"),
            ("s3/object/sequencer", "00FF"),
            ("responseElements/x-amz-request-id", "OTHER0REQUEST"),
        ],
    )
    @pytest.mark.parametrize("name", [CREATED, TAGGED, "s3-object-removed-delete"])
    def test_different_events_have_different_ids(self, name: str, path: str, other: str) -> None:
        assert id_of(changed(record(name), path, other)) != id_of(record(name))

    @pytest.mark.parametrize(
        ("path", "other"),
        [
            ("eventTime", "2026-11-22T09:15:09.878Z"),
            ("s3/object/versionId", "other"),
            ("s3/object/sequencer", "00FF"),
            ("replicationEventData/replicationRuleId", "other"),
            ("replicationEventData/destinationBucket", "arn:aws:s3:::other-replica"),
            ("replicationEventData/requestTime", "2026-11-22T09:15:02.121Z"),
            ("replicationEventData/failureReason", "DstBucketNotFound"),
            ("replicationEventData/s3Operation", "OBJECT_TAGGING"),
        ],
    )
    def test_different_failures_have_different_ids(self, path: str, other: str) -> None:
        assert id_of(changed(record(FAILED), path, other)) != id_of(record(FAILED))

    def test_two_changes_of_tags_within_a_millisecond_differ_by_their_request(self) -> None:
        first = record(TAGGED)
        assert "sequencer" not in first["s3"]["object"]
        second = changed(first, "responseElements/x-amz-request-id", "EXAMPLE0REQUEST0")
        assert id_of(first) != id_of(second)

    def test_tags_and_acl_of_one_request_time_have_different_ids(self) -> None:
        tags = record(TAGGED)
        assert id_of(changed(tags, "eventName", "ObjectAcl:Put")) != id_of(tags)
        assert id_of(changed(tags, "eventName", "ObjectTagging:Delete")) != id_of(tags)

    @pytest.mark.parametrize("name", [CREATED, TAGGED])
    def test_a_record_without_response_elements_has_an_id_too(self, name: str) -> None:
        assert id_of(without(record(name), "responseElements"))
