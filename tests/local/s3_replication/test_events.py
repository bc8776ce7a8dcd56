"""The shapes of S3's events, as its documentation shows them."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.s3_replication.events import (
    ObjectEvent,
    Operation,
    Origin,
    ReplicationEvent,
    eventbridge,
    notification,
    replication_notification,
)

AT = datetime(2026, 11, 22, 0, 0, 5, 678_901, tzinfo=UTC)
ORIGIN = Origin(
    at=AT,
    sequencer="0055AED6DCD90281E5",
    request_id="C3D13FE58DE4C810",
    source_ip="192.0.2.3",
    requester="111122223333",
    principal_id="AWS:AIDAEXAMPLE",
)
EVENT = ObjectEvent(
    name="ObjectCreated:Put",
    bucket="source",
    key="TaxDocs/red flower+ü.jpg",
    version_id="v1",
    size=5,
    etag="e" * 32,
    origin=ORIGIN,
    region="us-east-1",
)


def detail(event: ObjectEvent) -> dict[str, Any]:
    found = eventbridge(event)
    assert found is not None
    return found[1]


def test_a_notification_names_version_sequencer_principal_and_milliseconds() -> None:
    record = notification(EVENT)
    assert record["eventTime"] == "2026-11-22T00:00:05.678Z"
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["userIdentity"] == {"principalId": "AWS:AIDAEXAMPLE"}
    assert record["s3"]["object"] == {
        "key": "TaxDocs/red+flower%2B%C3%BC.jpg",
        "size": 5,
        "eTag": "e" * 32,
        "versionId": "v1",
        "sequencer": "0055AED6DCD90281E5",
    }


def test_eventbridge_has_the_key_as_it_is_and_whole_seconds() -> None:
    assert detail(EVENT)["object"] == {
        "key": "TaxDocs/red flower+ü.jpg",
        "size": 5,
        "etag": "e" * 32,
        "version-id": "v1",
        "sequencer": "0055AED6DCD90281E5",
    }


def test_eventbridge_says_who_asked_and_through_which_api() -> None:
    got = detail(EVENT)
    assert {k: got[k] for k in ("request-id", "requester", "source-ip-address", "reason")} == {
        "request-id": "C3D13FE58DE4C810",
        "requester": "111122223333",
        "source-ip-address": "192.0.2.3",
        "reason": "PutObject",
    }
    assert "deletion-type" not in got


@pytest.mark.parametrize(
    ("name", "detail_type", "reason"),
    [
        ("ObjectCreated:Post", "Object Created", "POST Object"),
        ("ObjectCreated:Copy", "Object Created", "CopyObject"),
        ("ObjectCreated:CompleteMultipartUpload", "Object Created", "CompleteMultipartUpload"),
        ("ObjectRemoved:Delete", "Object Deleted", "DeleteObject"),
        ("ObjectTagging:Put", "Object Tags Added", None),
        ("ObjectTagging:Delete", "Object Tags Deleted", None),
        ("ObjectAcl:Put", "Object ACL Updated", None),
        ("ObjectRestore:Completed", "Object Restore Completed", None),
    ],
)
def test_each_event_has_its_detail_type_and_reason(
    name: str, detail_type: str, reason: str | None
) -> None:
    found = eventbridge(replace(EVENT, name=name))
    assert found is not None
    assert (found[0], found[1].get("reason")) == (detail_type, reason)


def test_a_permanent_delete_has_no_size_and_no_etag() -> None:
    got = detail(replace(EVENT, name="ObjectRemoved:Delete"))
    assert set(got["object"]) == {"key", "version-id", "sequencer"}
    assert got["deletion-type"] == "Permanently Deleted"


def test_a_delete_marker_has_the_etag_of_nothing_and_no_size() -> None:
    got = detail(replace(EVENT, name="ObjectRemoved:DeleteMarkerCreated"))
    assert set(got["object"]) == {"key", "etag", "version-id", "sequencer"}
    assert got["deletion-type"] == "Delete Marker Created"


@pytest.mark.parametrize("name", ["ObjectTagging:Put", "ObjectTagging:Delete", "ObjectAcl:Put"])
def test_tag_and_acl_events_have_no_size_no_sequencer_and_no_reason(name: str) -> None:
    got = detail(replace(EVENT, name=name))
    assert set(got["object"]) == {"key", "etag", "version-id"}
    assert "reason" not in got


def test_an_unversioned_object_has_no_version_id() -> None:
    assert "version-id" not in detail(replace(EVENT, version_id=None))["object"]
    assert "versionId" not in notification(replace(EVENT, version_id=None))["s3"]["object"]


def test_events_eventbridge_does_not_get_have_no_detail() -> None:
    assert eventbridge(replace(EVENT, name="Replication:OperationFailedReplication")) is None


def failure(**more: Any) -> dict[str, Any]:
    kind = more.pop("kind", ReplicationEvent.FAILED)
    return replication_notification(
        EVENT,
        kind,
        at=AT.replace(minute=1),
        account="444455556666",
        rule_id="tax",
        destination="replica",
        operation=Operation.OBJECT_PUT,
        **more,
    )


def test_a_replication_failure_repeats_the_writes_sequencer_and_time() -> None:
    record = failure(failure_reason="DstBucketNotFound")
    assert record["eventName"] == "Replication:OperationFailedReplication"
    assert record["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert record["eventTime"] == "2026-11-22T00:01:05.678Z"
    assert record["s3"]["object"]["sequencer"] == ORIGIN.sequencer
    assert record["replicationEventData"] == {
        "replicationRuleId": "tax",
        "destinationBucket": "arn:aws:s3:::replica",
        "s3Operation": "OBJECT_PUT",
        "requestTime": "2026-11-22T00:00:05.678Z",
        "failureReason": "DstBucketNotFound",
    }


def test_a_replication_failure_is_s3s_own_request_about_the_accounts_bucket() -> None:
    record = failure(failure_reason="DstBucketNotFound")
    asked = record["responseElements"]["x-amz-request-id"]
    assert str(uuid.UUID(asked)) == asked
    assert asked != failure()["responseElements"]["x-amz-request-id"]
    assert record["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    assert record["s3"]["bucket"]["ownerIdentity"] == {"principalId": "444455556666"}
    ordinary = notification(EVENT)["s3"]["bucket"]["ownerIdentity"]["principalId"]
    assert not ordinary.isdigit()


RETENTION = replace(
    EVENT,
    name="ObjectRetention:Put",
    retention={"mode": "GOVERNANCE", "retain-until-date": "2027-01-01T00:00:00.000Z"},
)


def test_a_retention_event_has_its_data_in_each_channels_own_names() -> None:
    found = eventbridge(RETENTION)
    assert found is not None
    assert found[0] == "Object Retention Updated"
    assert found[1]["object-retention-event-data"] == RETENTION.retention
    assert "reason" not in found[1]
    assert set(found[1]["object"]) == {"key", "size", "etag", "version-id"}
    record = notification(RETENTION)
    assert record["eventName"] == "ObjectRetention:Put"
    assert record["objectRetentionEventData"] == {
        "mode": "GOVERNANCE",
        "retainUntilDate": "2027-01-01T00:00:00.000Z",
    }
    assert set(record["s3"]["object"]) == {"key", "size", "eTag", "versionId"}


def test_a_cleared_retention_has_no_data() -> None:
    cleared = replace(RETENTION, retention={})
    assert "object-retention-event-data" not in detail(cleared)
    assert "objectRetentionEventData" not in notification(cleared)


def test_each_channel_names_the_version_of_its_shape() -> None:
    assert detail(EVENT)["event-version"] == "1.2"
    assert notification(EVENT)["eventVersion"] == failure()["eventVersion"] == "2.6"


def test_replication_data_stands_beside_s3_not_in_it() -> None:
    assert "replicationEventData" not in failure()["s3"]


def test_threshold_events_tell_the_threshold_and_the_time_taken() -> None:
    data = failure(
        kind=ReplicationEvent.REPLICATED_AFTER_THRESHOLD,
        threshold_seconds=900,
        replication_seconds=1000.5,
    )["replicationEventData"]
    assert (data["threshold"], data["replicationTime"]) == (900, 1000.5)
    assert "failureReason" not in data


def test_every_event_survives_json() -> None:
    for shape in (notification(EVENT), detail(EVENT), failure()):
        assert json.loads(json.dumps(shape)) == shape
