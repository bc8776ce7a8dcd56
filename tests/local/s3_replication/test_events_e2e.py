"""Events as they come out of the emulator: who gets which, in which shape."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.local.conftest import lets_in, wait_for

if TYPE_CHECKING:
    from tests.local.conftest import Buckets

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

DENIED = "arn:aws:iam::000000000000:role/replication-denied"


def failures(buckets: Buckets) -> Any:
    return buckets.notify(buckets.source, "s3:Replication:*")


# --- object events -----------------------------------------------------------------------------


def test_a_created_notification_names_version_sequencer_and_principal(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*")
    version_id = buckets.put("TaxDocs/red flower+1.jpg")
    (record,) = queue.wait()
    assert record["eventName"] == "ObjectCreated:Put"
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", record["eventTime"])
    assert record["userIdentity"]["principalId"].startswith("AWS:")
    assert record["s3"]["configurationId"] == "all"
    described = record["s3"]["object"]
    assert described["key"] == "TaxDocs/red+flower%2B1.jpg"
    assert described["versionId"] == version_id
    assert (described["size"], len(described["eTag"])) == (5, 32)
    assert re.fullmatch(r"[0-9A-F]+", described["sequencer"])


def test_the_sequencers_of_one_key_ascend(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    written = [buckets.put("doc") for _ in range(3)]
    written.append(buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"])
    records = queue.wait(4)
    sequencers = {r["s3"]["object"]["versionId"]: r["s3"]["object"]["sequencer"] for r in records}
    in_order = [sequencers[version_id] for version_id in written]
    assert in_order == sorted(set(in_order))


def test_an_eventbridge_event_has_the_documented_envelope(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.source)
    version_id = buckets.put("TaxDocs/red flower+ü.jpg")
    (event,) = queue.wait()
    assert event["detail-type"] == "Object Created"
    assert (event["source"], event["account"]) == ("aws.s3", "000000000000")
    assert event["resources"] == [f"arn:aws:s3:::{buckets.source}"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", event["time"])
    detail = event["detail"]
    assert detail["object"]["key"] == "TaxDocs/red flower+ü.jpg"
    assert detail["object"]["version-id"] == version_id
    assert set(detail["object"]) == {"key", "size", "etag", "version-id", "sequencer"}
    assert (detail["reason"], detail["requester"]) == ("PutObject", "000000000000")
    assert detail["source-ip-address"] == "127.0.0.1"
    assert detail["request-id"]


def test_both_channels_name_the_same_sequencer(buckets: Buckets) -> None:
    bus = buckets.bus(buckets.source)
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*", eventbridge=True)
    buckets.put("doc")
    (event,), (record,) = bus.wait(), queue.wait()
    assert event["detail"]["object"]["sequencer"] == record["s3"]["object"]["sequencer"]


def test_deletes_say_what_kind_they_were(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.source)
    version_id = buckets.put("doc")
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    buckets.s3.delete_object(Bucket=buckets.source, Key="doc", VersionId=version_id)
    events = queue.wait(2, detail_type="Object Deleted")
    kinds = {e["detail"]["deletion-type"]: e["detail"] for e in events}
    made, gone = kinds["Delete Marker Created"], kinds["Permanently Deleted"]
    assert made["object"]["version-id"] == marker
    assert "size" not in made["object"]
    assert set(gone["object"]) == {"key", "version-id", "sequencer"}
    assert gone["object"]["version-id"] == version_id
    assert made["reason"] == gone["reason"] == "DeleteObject"


def test_copies_and_multipart_uploads_name_their_api(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.source)
    buckets.put("from")
    where = {"Bucket": buckets.source, "Key": "big"}
    buckets.s3.copy_object(**(where | {"Key": "to"}), CopySource=f"{buckets.source}/from")
    upload = buckets.s3.create_multipart_upload(**where)["UploadId"]
    part = buckets.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
    buckets.s3.complete_multipart_upload(
        **where,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    reasons = {e["detail"]["object"]["key"]: e["detail"]["reason"] for e in queue.wait(3)}
    assert reasons == {"from": "PutObject", "to": "CopyObject", "big": "CompleteMultipartUpload"}


def test_tag_changes_are_events_without_size_sequencer_and_reason(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.source)
    here = {"Bucket": buckets.source, "Key": "doc", "VersionId": buckets.put("doc")}
    buckets.s3.put_object_tagging(**here, Tagging={"TagSet": [{"Key": "a", "Value": "1"}]})
    buckets.s3.delete_object_tagging(**here)
    for detail_type in ("Object Tags Added", "Object Tags Deleted"):
        (event,) = queue.wait(detail_type=detail_type)
        assert set(event["detail"]["object"]) == {"key", "etag", "version-id"}
        assert event["detail"]["object"]["version-id"] == here["VersionId"]
        assert "reason" not in event["detail"]


def test_an_acl_event_comes_only_when_the_acl_changed(buckets: Buckets) -> None:
    buckets.s3.delete_public_access_block(Bucket=buckets.source)
    buckets.s3.put_bucket_ownership_controls(
        Bucket=buckets.source,
        OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]},
    )
    queue = buckets.notify(buckets.source, "s3:ObjectAcl:Put")
    buckets.put("doc")
    for _ in range(2):
        buckets.s3.put_object_acl(Bucket=buckets.source, Key="doc", ACL="public-read")
    buckets.s3.put_object_acl(Bucket=buckets.source, Key="doc", ACL="private")
    assert len(queue.wait(2)) == 2


def test_a_configuration_gets_only_the_events_and_keys_it_names(buckets: Buckets) -> None:
    queue = buckets.queue()
    rules = [{"Name": "prefix", "Value": "in/"}]
    wanted = {
        "QueueArn": queue.arn,
        "Events": ["s3:ObjectCreated:Put"],
        "Filter": {"Key": {"FilterRules": rules}},
    }
    buckets.s3.put_bucket_notification_configuration(
        Bucket=buckets.source, NotificationConfiguration={"QueueConfigurations": [wanted]}
    )
    for key in ("out/1", "in/1"):
        buckets.put(key)
    buckets.s3.delete_object(Bucket=buckets.source, Key="in/1")
    buckets.put("in/2")
    keys = [record["s3"]["object"]["key"] for record in queue.wait(2)]
    assert keys == ["in/1", "in/2"]


def test_a_topic_can_be_notified(buckets: Buckets) -> None:
    queue = buckets.queue()
    sns = buckets.emulator.client("sns")
    topic = sns.create_topic(Name=f"topic-of-{buckets.source}")["TopicArn"]
    policy = json.dumps(lets_in("sns:Publish", topic))
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=queue.arn,
        Attributes={"RawMessageDelivery": "true"},
    )
    buckets.s3.put_bucket_notification_configuration(
        Bucket=buckets.source,
        NotificationConfiguration={
            "TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:Replication:*"]}]
        },
    )
    buckets.replicate(buckets.rule(buckets.first))
    buckets.put("fail-DstKmsKeyNotFound")
    (record,) = queue.wait()
    assert record["eventName"] == "Replication:OperationFailedReplication"


# --- events in the destination -----------------------------------------------------------------


def test_an_arrival_notifies_the_destination_in_the_name_of_replication(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.first, "s3:ObjectCreated:*")
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("a b")
    (record,) = queue.wait()
    assert record["eventName"] == "ObjectCreated:Put"
    assert record["userIdentity"]["principalId"].endswith(":s3-replication")
    assert record["requestParameters"]["sourceIPAddress"][0].isdigit()
    assert record["s3"]["bucket"]["name"] == buckets.first
    assert record["s3"]["object"]["key"] == "a+b"
    assert record["s3"]["object"]["versionId"] == version_id


def test_an_arrival_is_an_eventbridge_event_of_the_destination(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.first)
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    (event,) = queue.wait()
    assert (event["detail-type"], event["detail"]["reason"]) == ("Object Created", "PutObject")
    assert event["detail"]["object"]["version-id"] == version_id
    assert event["resources"] == [f"arn:aws:s3:::{buckets.first}"]
    assert event["detail"]["requester"] == "000000000000"


def test_a_marker_on_top_of_a_marker_is_an_event_as_well(buckets: Buckets) -> None:
    bus = buckets.bus(buckets.source)
    queue = buckets.notify(buckets.source, "s3:ObjectRemoved:*", eventbridge=True)
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    s3, where = buckets.s3, {"Bucket": buckets.source, "Key": "never-written"}
    markers = [s3.delete_object(**where)["VersionId"] for _ in range(2)]
    told = queue.wait(2)
    assert [record["s3"]["object"]["versionId"] for record in told] == markers
    assert sorted(event["detail"]["object"]["version-id"] for event in bus.wait(2)) == sorted(
        markers
    )


def test_a_replicated_marker_and_replicated_tags_are_events_too(buckets: Buckets) -> None:
    queue = buckets.bus(buckets.first)
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    tag_set = {"TagSet": [{"Key": "a", "Value": "1"}]}
    buckets.s3.put_object_tagging(Bucket=buckets.source, Key="doc", Tagging=tag_set)
    (tagged,) = queue.wait(detail_type="Object Tags Added")
    assert tagged["detail"]["object"]["version-id"] == version_id
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    (deleted,) = queue.wait(detail_type="Object Deleted")
    assert deleted["detail"]["deletion-type"] == "Delete Marker Created"
    assert deleted["detail"]["object"]["version-id"] == marker


# --- replication events ------------------------------------------------------------------------


def test_a_failure_is_told_in_the_documented_shape(buckets: Buckets) -> None:
    created = buckets.notify(buckets.source, "s3:ObjectCreated:*", "s3:Replication:*")
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("TaxDocs/fail-DstKmsKeyNotFound x.txt")
    records = {record["eventName"]: record for record in created.wait(2)}
    put, failed = records["ObjectCreated:Put"], records["Replication:OperationFailedReplication"]
    assert failed["userIdentity"] == {"principalId": "s3.amazonaws.com"}
    assert failed["requestParameters"] == {"sourceIPAddress": "s3.amazonaws.com"}
    assert failed["s3"]["bucket"]["ownerIdentity"] == {"principalId": "000000000000"}
    assert failed["s3"]["object"] == put["s3"]["object"]
    assert failed["s3"]["object"]["versionId"] == version_id
    assert failed["replicationEventData"] == {
        "replicationRuleId": f"to-{buckets.first}",
        "destinationBucket": f"arn:aws:s3:::{buckets.first}",
        "s3Operation": "OBJECT_PUT",
        "requestTime": put["eventTime"],
        "failureReason": "DstKmsKeyNotFound",
    }
    assert failed["eventTime"] > put["eventTime"]
    buckets.wait_header("TaxDocs/fail-DstKmsKeyNotFound x.txt", version_id, "FAILED")


def test_one_of_two_destinations_can_fail(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first), buckets.rule(buckets.second))
    key = f"fail-DstPutObjectNotPermitted@{buckets.second}.txt"
    version_id = buckets.put(key)
    buckets.wait_header(key, version_id, "FAILED")
    buckets.emulator.quiet()
    assert buckets.header(key, version_id, buckets.first) == "REPLICA"
    assert buckets.versions(buckets.second, "fail") == []
    (record,) = queue.wait()
    told = record["replicationEventData"]["destinationBucket"]
    assert told == f"arn:aws:s3:::{buckets.second}"


def test_a_rule_without_metrics_fails_silently(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first, metrics=False))
    version_id = buckets.put("fail-DstKmsKeyNotFound")
    buckets.wait_header("fail-DstKmsKeyNotFound", version_id, "FAILED")
    assert queue.poll() == []


def failure_reason(buckets: Buckets, queue: Any) -> str:
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "FAILED")
    (record,) = queue.wait()
    reason: str = record["replicationEventData"]["failureReason"]
    return reason


def test_a_missing_destination_bucket_is_named(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first))
    buckets.s3.delete_bucket(Bucket=buckets.first)
    assert failure_reason(buckets, queue) == "DstBucketNotFound"


def test_an_unversioned_destination_is_named(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first))
    buckets.version(buckets.first, "Suspended")
    assert failure_reason(buckets, queue) == "DstBucketUnversioned"


def test_a_role_called_denied_may_not_be_assumed(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first), role=DENIED)
    assert failure_reason(buckets, queue) == "AssumeRoleNotPermitted"


def test_a_bucket_policy_can_refuse_the_replica(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first))
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{buckets.first}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=buckets.first, Policy=json.dumps(policy))
    assert failure_reason(buckets, queue) == "DstPutObjectNotPermitted"


def test_a_replica_without_tags_fails_its_source_without_an_event(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("tagless", Tagging="a=1")
    buckets.wait_header("tagless", version_id, "FAILED")
    assert buckets.header("tagless", version_id, buckets.first) == "REPLICA"
    tags = buckets.s3.get_object_tagging(Bucket=buckets.first, Key="tagless")["TagSet"]
    assert (tags, queue.poll()) == ([], [])


def test_a_slow_replica_misses_its_threshold_and_arrives_after_it(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first, time_control=True))
    version_id = buckets.put("slow-1.2")
    (missed,) = queue.wait(eventName="Replication:OperationMissedThreshold")
    assert buckets.header("slow-1.2", version_id) == "PENDING"
    (late,) = queue.wait(eventName="Replication:OperationReplicatedAfterThreshold")
    assert buckets.header("slow-1.2", version_id) == "COMPLETED"
    data = late["replicationEventData"]
    assert data["requestTime"] == missed["replicationEventData"]["requestTime"]
    assert (data["threshold"], data["replicationTime"] > 1.1) == (0.6, True)
    assert len(queue.poll()) == 2


def test_what_metrics_do_not_track_replicates_all_the_same(buckets: Buckets) -> None:
    queue = failures(buckets)
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("not-tracked")
    (record,) = queue.wait()
    assert record["eventName"] == "Replication:OperationNotTracked"
    buckets.wait_header("not-tracked", version_id, "COMPLETED")


def test_eventbridge_gets_no_replication_events(buckets: Buckets) -> None:
    bus = buckets.bus(buckets.source)
    queue = buckets.notify(buckets.source, "s3:Replication:*", eventbridge=True)
    buckets.replicate(buckets.rule(buckets.first))
    buckets.put("fail-DstKmsKeyNotFound")
    queue.wait()
    assert [event["detail-type"] for event in bus.poll()] == ["Object Created"]


# --- faults on purpose -------------------------------------------------------------------------


def test_dropped_events_do_not_stop_the_replication(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*")
    buckets.replicate(buckets.rule(buckets.first))
    with buckets.emulator.settings(event_drop_rate=1):
        version_id = buckets.put("doc")
        buckets.wait_header("doc", version_id, "COMPLETED")
    assert queue.poll() == []
    told = buckets.emulator.admin()["lost"]
    assert ["ObjectCreated:Put", buckets.source, "doc", version_id] in told


def test_duplicated_events_are_equal(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*")
    with buckets.emulator.settings(event_duplicate_rate=1, event_delay_seconds=0.2):
        buckets.put("doc")
        one, other = queue.wait(2)
    assert one == other


def test_late_events_come_out_of_order(buckets: Buckets) -> None:
    queue = buckets.notify(buckets.source, "s3:ObjectCreated:*")
    with buckets.emulator.settings(event_delay_rate=1, event_delay_seconds=1, seed=5):
        written = [buckets.put("doc") for _ in range(8)]
        wait_for(lambda: len(queue.poll()) == 8)
    came = [record["s3"]["object"]["versionId"] for record in queue.seen]
    assert came != written
    assert sorted(came) == sorted(written)


# --- the archive of events ---------------------------------------------------------------------


def test_a_replay_reaches_the_rules_it_names_and_no_others(buckets: Buckets) -> None:
    events = buckets.emulator.client("events")
    ours, theirs = buckets.bus(buckets.source), buckets.bus(buckets.source)
    bus = events.describe_event_bus()["Arn"]
    pattern = {"source": ["aws.s3"], "detail": {"bucket": {"name": [buckets.source]}}}
    archive = events.create_archive(
        ArchiveName=buckets.source, EventSourceArn=bus, EventPattern=json.dumps(pattern)
    )["ArchiveArn"]
    version_id = buckets.put("doc")
    for queue in (ours, theirs):
        queue.wait()
    (rule,) = events.list_rule_names_by_target(TargetArn=ours.arn)["RuleNames"]
    now = datetime.now(UTC)
    events.start_replay(
        ReplayName=buckets.source,
        EventSourceArn=archive,
        EventStartTime=now - timedelta(minutes=1),
        EventEndTime=now + timedelta(minutes=1),
        Destination={"Arn": bus, "FilterArns": [events.describe_rule(Name=rule)["Arn"]]},
    )
    live, again = ours.wait(2)
    assert again["detail"]["object"]["version-id"] == version_id
    assert again == live | {"replay-name": buckets.source}
    wait_for(lambda: events.describe_replay(ReplayName=buckets.source)["State"] == "COMPLETED")
    assert len(theirs.poll()) == 1
