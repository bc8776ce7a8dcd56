"""Real objects through the real deployment: S3, EventBridge, SQS, Lambda, DynamoDB, HTTP, SNS."""

import json
import time
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from local import demo_buckets
from tests.e2e.conftest import BOTH_WAYS, Deployed, Inbox, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SOURCE, ONE, TWO = demo_buckets.SOURCE, demo_buckets.REPLICA_1, demo_buckets.REPLICA_2
REPLICATE = {"Tagging": "replicate=yes&owner=me"}

KEYS: dict[str, dict[str, Any]] = {
    "TaxDocs/plain.pdf": {},
    "TaxDocs/red flower + 50%/ÄÖ 🎉 'quoted\".jpg": {},
    "TaxDocs/" + "k" * 1016: {},
    "TaxDocs/empty": {"Body": b""},
    "TaxDocs/fail-DstPutObjectNotPermitted@tracker-demo-replica-2/one-of-two": {},
    "TaxDocs/fail-AssumeRoleNotPermitted/both": {},
    "logs/plain.log": {},
    "logs/slow-3/late.log": {},
    "logs/fail-DstKmsKeyNotFound.log": {},
    "tagged/yes": REPLICATE,
    "tagged/no": {"Tagging": "replicate=no"},
    "tagged/none": {},
    "elsewhere/not-eligible": {},
    "taxdocs/wrong-case": {},
}


def test_every_version_agrees_with_s3_at_its_source_and_its_destinations(
    deployed: Deployed,
) -> None:
    """The tracker's `replication_status` and S3's own header, for every object and version."""
    written: list[tuple[str, str]] = []
    for key, more in KEYS.items():
        written.append((key, deployed.put(key, **more)))
    for _ in range(3):
        written.append(("TaxDocs/plain.pdf", deployed.put("TaxDocs/plain.pdf")))
    written.append(("TaxDocs/multipart", multipart(deployed, "TaxDocs/multipart")))
    written.append(("logs/copied", copied(deployed, "TaxDocs/plain.pdf", "logs/copied")))
    compared = 0
    for key, version_id in written:
        answer = deployed.settled(key, version_id)
        assert answer["replication_status"] == deployed.header(SOURCE, key, version_id), key
        assert answer["role"] == "source"
        compared += 1
        for place in answer["destinations"]:
            if place["status"] == "COMPLETED":
                assert deployed.header(place["bucket"], key, version_id) == "REPLICA"
                replica = deployed.known(place["bucket"], key, version_id)
                assert (replica["role"], replica["replication_status"]) == ("replica", "REPLICA")
                assert replica["source"] == {
                    "bucket": SOURCE,
                    "key": key,
                    "version_id": version_id,
                }
            else:
                assert deployed.known(place["bucket"], key, version_id) is None
            compared += 1
    statuses = {
        key: deployed.known(SOURCE, key, version_id)["replication_status"]
        for key, version_id in written
    }
    assert {None, "COMPLETED", "FAILED"} == set(statuses.values())
    assert statuses["tagged/yes"] == "COMPLETED"
    assert statuses["tagged/no"] is None
    assert statuses["TaxDocs/fail-AssumeRoleNotPermitted/both"] == "FAILED"
    assert compared > 35


def multipart(deployed: Deployed, key: str) -> str:
    s3, where = deployed.client("s3"), {"Bucket": SOURCE, "Key": key}
    upload = s3.create_multipart_upload(**where)["UploadId"]
    part = s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = s3.complete_multipart_upload(**where, UploadId=upload, MultipartUpload=parts)
    return str(done["VersionId"])


def copied(deployed: Deployed, original: str, key: str) -> str:
    done = deployed.client("s3").copy_object(
        Bucket=SOURCE, Key=key, CopySource={"Bucket": SOURCE, "Key": original}
    )
    return str(done["VersionId"])


def test_an_object_goes_from_pending_to_completed_at_every_destination(
    deployed: Deployed,
) -> None:
    key = "TaxDocs/slow-3/life.pdf"
    version_id = deployed.put(key)
    pending = eventually(lambda: deployed.known(SOURCE, key, version_id))
    assert pending["replication_status"] == "PENDING"
    assert deployed.header(SOURCE, key, version_id) == "PENDING"
    assert deployed.known(ONE, key, version_id) is None
    answer = deployed.settled(key, version_id)
    assert answer["replication_status"] == "COMPLETED"
    assert [place["bucket"] for place in answer["destinations"]] == [ONE, TWO]
    for place in answer["destinations"]:
        assert place["evidence"] == "replica_created"
        assert 2 <= place["latency_seconds"] <= 20
    moves = [(one["destination"], one["from"], one["to"]) for one in answer["transitions"]]
    for bucket in (ONE, TWO):
        assert moves.index((bucket, None, "PENDING")) < moves.index(
            (bucket, "PENDING", "COMPLETED")
        )


def test_without_a_version_id_the_latest_version_is_answered(deployed: Deployed) -> None:
    key = "TaxDocs/versions.pdf"
    versions = [deployed.put(key) for _ in range(3)]
    for version_id in versions:
        deployed.settled(key, version_id)
    assert deployed.known(SOURCE, key)["version_id"] == versions[-1]
    listed = deployed.api.get(f"/v1/buckets/{SOURCE}/object/versions", key=key)
    assert {one["version_id"] for one in listed["items"]} == set(versions)


def test_a_failure_is_told_to_subscribers_once_and_explained(
    deployed: Deployed, inbox: Inbox
) -> None:
    key = f"TaxDocs/fail-DstKmsKeyNotFound@{TWO}/told.pdf"
    version_id = deployed.put(key)
    (message,) = eventually(lambda: inbox.about(key))
    body, attributes = json.loads(message["Message"]), message["MessageAttributes"]
    assert body["version_id"] == version_id
    assert (body["bucket"], body["destination"], body["status"]) == (SOURCE, TWO, "FAILED")
    assert body["replication_status"] == "FAILED"
    assert body["failure"]["code"] == "DstKmsKeyNotFound"
    assert body["failure"]["explanation"]
    assert body["failure"]["fix"]
    assert {name: one["Value"] for name, one in attributes.items()} == {
        "bucket": SOURCE,
        "destination": TWO,
        "rule_id": "tax-2",
        "failure_code": "DstKmsKeyNotFound",
        "status": "FAILED",
    }
    path = urlsplit(body["api_path"])
    answered = deployed.api.get(path.path, **dict(parse_qsl(path.query)))
    assert (answered["version_id"], answered["replication_status"]) == (version_id, "FAILED")
    time.sleep(2)
    assert len(inbox.about(key)) == 1


def test_events_delivered_twice_change_nothing_and_announce_nothing(
    deployed: Deployed, inbox: Inbox
) -> None:
    key = "logs/fail-DstKmsKeyInvalidState/twice.log"
    version_id = deployed.put(key)
    eventually(lambda: inbox.about(key))
    before = deployed.settled(key, version_id)
    failure = next(one for one in before["transitions"] if one["to"] == "FAILED")
    redelivered = replication_event(key, version_id, failure["at"])
    deployed.send(redelivered)
    deployed.send(redelivered)
    marker = deployed.put("logs/after.log")
    deployed.settled("logs/after.log", marker)
    after = deployed.known(SOURCE, key, version_id)
    assert after["replication_status"] == "FAILED"
    time.sleep(2)
    assert len(inbox.about(key)) == 1


def replication_event(key: str, version_id: str, at: str) -> str:
    record = {
        "eventVersion": "2.2",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": at,
        "eventName": "Replication:OperationFailedReplication",
        "userIdentity": {"principalId": "s3.amazonaws.com"},
        "s3": {
            "bucket": {"name": SOURCE, "arn": f"arn:aws:s3:::{SOURCE}"},
            "object": {"key": key, "size": 1, "versionId": version_id, "sequencer": "00AA"},
        },
        "replicationEventData": {
            "replicationRuleId": "logs",
            "destinationBucket": f"arn:aws:s3:::{ONE}",
            "s3Operation": "OBJECT_PUT",
            "requestTime": at,
            "failureReason": "DstKmsKeyInvalidState",
        },
    }
    return json.dumps({"Records": [record]})


def test_a_late_object_is_completed_and_late(deployed: Deployed) -> None:
    """Replication Time Control: missed its threshold, then replicated after it."""
    key = "logs/slow-4/rtc.log"
    version_id = deployed.put(key)

    def missed() -> Any:
        answer = deployed.known(SOURCE, key, version_id)
        return answer if answer and answer["destinations"][0]["late"] else None

    assert eventually(missed)["replication_status"] == "PENDING"
    answer = deployed.settled(key, version_id)
    assert answer["replication_status"] == "COMPLETED"
    assert answer["destinations"][0]["late"] is True
    assert answer["destinations"][0]["latency_seconds"] >= 3


def test_a_delete_marker_replicates_where_a_rule_says_so(deployed: Deployed) -> None:
    markers = {}
    for key in ("logs/deleted.log", "TaxDocs/deleted.pdf"):
        deployed.settled(key, deployed.put(key))
        markers[key] = deployed.client("s3").delete_object(Bucket=SOURCE, Key=key)["VersionId"]
    answer = deployed.settled("logs/deleted.log", markers["logs/deleted.log"])
    assert (answer["delete_marker"], answer["replication_status"]) == (True, "COMPLETED")
    versions = deployed.client("s3").list_object_versions(Bucket=ONE, Prefix="logs/deleted.log")
    assert versions["DeleteMarkers"][0]["VersionId"] == markers["logs/deleted.log"]
    answer = deployed.settled("TaxDocs/deleted.pdf", markers["TaxDocs/deleted.pdf"])
    assert (answer["delete_marker"], answer["replication_status"]) == (True, None)


def test_a_change_of_tags_reopens_a_version_until_it_has_replicated_too(
    deployed: Deployed,
) -> None:
    key = "TaxDocs/retagged.pdf"
    version_id = deployed.put(key)
    deployed.settled(key, version_id)
    time.sleep(1)  # EventBridge tells whole seconds: within one, nobody can tell what came first
    deployed.client("s3").put_object_tagging(
        Bucket=SOURCE, Key=key, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    )

    def reopened() -> Any:
        answer = deployed.known(SOURCE, key, version_id)
        return [one for one in answer["transitions"] if one["evidence"] == "object_changed"]

    assert eventually(reopened)[0]["to"] == "PENDING"


def test_a_version_deleted_for_good_has_an_end(deployed: Deployed) -> None:
    key = "TaxDocs/slow-30/gone.pdf"
    version_id = deployed.put(key)
    eventually(lambda: deployed.known(SOURCE, key, version_id))
    deployed.client("s3").delete_object(Bucket=SOURCE, Key=key, VersionId=version_id)

    def ended() -> Any:
        return deployed.known(SOURCE, key, version_id)["deleted_at"]

    assert eventually(ended)
    rows = deployed.api.objects(SOURCE, status="PENDING", prefix="TaxDocs/slow-30/")
    assert rows == []


def test_two_buckets_that_replicate_to_each_other_tell_source_from_replica(
    deployed: Deployed,
) -> None:
    east, west = BOTH_WAYS
    there, back = deployed.put("from/east", east), deployed.put("from/west", west)
    for bucket, other, key, version_id in (
        (east, west, "from/east", there),
        (west, east, "from/west", back),
    ):
        answer = deployed.settled(key, version_id, bucket)
        assert (answer["role"], answer["replication_status"]) == ("source", "COMPLETED")
        assert deployed.header(bucket, key, version_id) == "COMPLETED"
        replica = deployed.known(other, key, version_id)
        assert (replica["role"], replica["source"]["bucket"]) == ("replica", bucket)
        assert deployed.header(other, key, version_id) == "REPLICA"


def test_an_object_put_directly_into_a_destination_is_not_taken_for_a_replica(
    deployed: Deployed,
) -> None:
    version_id = deployed.put("TaxDocs/own-of-the-destination.pdf", ONE)
    after = deployed.put("TaxDocs/after.pdf")
    deployed.settled("TaxDocs/after.pdf", after)
    time.sleep(1)
    assert deployed.known(ONE, "TaxDocs/own-of-the-destination.pdf", version_id) is None


def test_lists_page_through_all_rows_without_gaps_or_repeats(deployed: Deployed) -> None:
    written = {f"logs/list/{number:02}": "" for number in range(25)}
    for key in written:
        written[key] = deployed.put(key)
    for key, version_id in written.items():
        deployed.settled(key, version_id)

    def all_listed() -> Any:
        rows = deployed.api.objects(SOURCE, status="COMPLETED", prefix="logs/list/", limit=7)
        return rows if len(rows) >= len(written) else None

    rows = eventually(all_listed)
    assert sorted(row["key"] for row in rows) == sorted(written)
    assert all(row["destination"] == ONE and row["rule_id"] == "logs" for row in rows)
    times = [row["since"] for row in rows]
    assert times == sorted(times, reverse=True)


def test_the_tracked_buckets_are_shown_with_their_rules(deployed: Deployed) -> None:
    page = deployed.api.get("/v1/buckets")
    buckets = {one["bucket"]: one for one in page["items"]}
    assert set(buckets) == {*deployed.outputs.sources, *deployed.outputs.destinations}
    assert buckets[SOURCE]["role"] == "source"
    assert buckets[SOURCE]["tracking_since"]
    assert [rule["id"] for rule in buckets[SOURCE]["rules"]] == ["tax-1", "tax-2", "logs", "tagged"]
    assert buckets[ONE]["role"] == "destination"
    assert buckets[BOTH_WAYS[0]]["role"] == "source_and_destination"
