"""Replication through S3's own API: what arrives where, and what the header says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from tests.local.conftest import wait_for

if TYPE_CHECKING:
    from tests.local.conftest import Buckets

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def test_a_write_is_pending_at_once_and_completed_later(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    assert buckets.header("doc", version_id) == "PENDING"
    with pytest.raises(ClientError, match="404"):
        buckets.header("doc", version_id, buckets.first)
    buckets.wait_header("doc", version_id, "COMPLETED")


def test_a_replica_keeps_the_version_id_of_its_source(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    (replica,) = buckets.versions(buckets.first, "doc")
    assert replica["VersionId"] == version_id
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"


def test_a_replica_has_content_metadata_type_and_tags(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put(
        "doc", b"body", Metadata={"owner": "me"}, ContentType="text/plain", Tagging="a=1&b=2"
    )
    buckets.wait_header("doc", version_id, "COMPLETED")
    there = {"Bucket": buckets.first, "Key": "doc", "VersionId": version_id}
    got = buckets.s3.get_object(**there)
    assert got["Body"].read() == b"body"
    assert (got["Metadata"], got["ContentType"]) == ({"owner": "me"}, "text/plain")
    tags = buckets.s3.get_object_tagging(**there)["TagSet"]
    assert {tag["Key"]: tag["Value"] for tag in tags} == {"a": "1", "b": "2"}


def test_get_without_a_version_id_has_the_header_too(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    for bucket, status in ((buckets.source, "COMPLETED"), (buckets.first, "REPLICA")):
        assert buckets.s3.get_object(Bucket=bucket, Key="doc")["ReplicationStatus"] == status


def test_a_write_goes_to_several_destinations(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first), buckets.rule(buckets.second))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    for bucket in (buckets.first, buckets.second):
        assert buckets.header("doc", version_id, bucket) == "REPLICA"


def test_the_header_completes_only_with_the_slowest_destination(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first), buckets.rule(buckets.second))
    with buckets.emulator.settings(replication_delay_seconds=0.1, replication_jitter_seconds=2):
        version_id = buckets.put("doc")

    def arrived() -> list[str]:
        both = (buckets.first, buckets.second)
        return [bucket for bucket in both if buckets.versions(bucket, "doc")]

    assert len(wait_for(arrived)) == 1
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert len(arrived()) == 2


def test_an_object_no_rule_takes_has_no_header(buckets: Buckets) -> None:
    before = buckets.put("TaxDocs/before")
    buckets.replicate(buckets.rule(buckets.first, prefix="TaxDocs/"))
    other = buckets.put("other")
    buckets.emulator.quiet()
    assert buckets.header("TaxDocs/before", before) is None
    assert buckets.header("other", other) is None
    assert buckets.versions(buckets.first, "") == []


def test_tags_decide_as_they_are_at_the_write(buckets: Buckets) -> None:
    both = {"Prefix": "t/", "Tags": [{"Key": "replicate", "Value": "yes"}]}
    buckets.replicate(buckets.rule(buckets.first, Filter={"And": both}))
    tagged = buckets.put("t/yes", Tagging="replicate=yes")
    later = buckets.put("t/later")
    tag_set = {"TagSet": [{"Key": "replicate", "Value": "yes"}]}
    buckets.s3.put_object_tagging(Bucket=buckets.source, Key="t/later", Tagging=tag_set)
    buckets.wait_header("t/yes", tagged, "COMPLETED")
    assert buckets.header("t/later", later) is None


def test_multipart_uploads_replicate_with_their_tags(buckets: Buckets) -> None:
    both = {"Prefix": "", "Tags": [{"Key": "replicate", "Value": "yes"}]}
    buckets.replicate(buckets.rule(buckets.first, Filter={"And": both}))
    where = {"Bucket": buckets.source, "Key": "big"}
    upload = buckets.s3.create_multipart_upload(**where, Tagging="replicate=yes")["UploadId"]
    part = buckets.s3.upload_part(**where, UploadId=upload, PartNumber=1, Body=b"part")
    done = buckets.s3.complete_multipart_upload(
        **where,
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]},
    )
    buckets.wait_header("big", done["VersionId"], "COMPLETED")
    replica = buckets.s3.head_object(Bucket=buckets.first, Key="big")
    assert (replica["ETag"], replica["VersionId"]) == (done["ETag"], done["VersionId"])
    tags = buckets.s3.get_object_tagging(Bucket=buckets.first, Key="big")["TagSet"]
    assert tags == [{"Key": "replicate", "Value": "yes"}]


def test_copies_replicate(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first, prefix="to/"))
    buckets.put("from")
    copied = buckets.s3.copy_object(
        Bucket=buckets.source, Key="to/doc", CopySource={"Bucket": buckets.source, "Key": "from"}
    )
    buckets.wait_header("to/doc", copied["VersionId"], "COMPLETED")
    assert buckets.header("to/doc", copied["VersionId"], buckets.first) == "REPLICA"


@pytest.mark.parametrize("batch", [False, True])
def test_a_delete_marker_replicates_under_its_own_version_id(buckets: Buckets, batch: bool) -> None:
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    buckets.wait_header("doc", buckets.put("doc"), "COMPLETED")
    if batch:
        objects = {"Objects": [{"Key": "doc"}]}
        answer = buckets.s3.delete_objects(Bucket=buckets.source, Delete=objects)
        marker = answer["Deleted"][0]["DeleteMarkerVersionId"]
    else:
        marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]

    def markers() -> list[dict[str, Any]]:
        listed = buckets.s3.list_object_versions(Bucket=buckets.first)
        found: list[dict[str, Any]] = listed.get("DeleteMarkers", [])
        return found

    (replicated,) = wait_for(markers)
    assert (replicated["VersionId"], replicated["IsLatest"]) == (marker, True)
    with pytest.raises(ClientError, match="404"):
        buckets.s3.head_object(Bucket=buckets.first, Key="doc")


def test_delete_markers_stay_where_the_rule_does_not_carry_them(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first, markers=False))
    buckets.wait_header("doc", buckets.put("doc"), "COMPLETED")
    buckets.s3.delete_object(Bucket=buckets.source, Key="doc")
    buckets.emulator.quiet()
    assert buckets.s3.head_object(Bucket=buckets.first, Key="doc")["ReplicationStatus"] == "REPLICA"


def test_v1_rules_carry_delete_markers(buckets: Buckets) -> None:
    target = {"Bucket": f"arn:aws:s3:::{buckets.first}"}
    rule = {"ID": "v1", "Status": "Enabled", "Prefix": "", "Destination": target}
    buckets.replicate(rule)
    buckets.wait_header("doc", buckets.put("doc"), "COMPLETED")
    buckets.s3.delete_object(Bucket=buckets.source, Key="doc")
    wait_for(lambda: buckets.versions(buckets.first, "doc")[0].get("Size") is None)


def test_deleting_a_version_is_never_replicated(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    buckets.s3.delete_object(Bucket=buckets.source, Key="doc", VersionId=version_id)
    buckets.emulator.quiet()
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"


def test_a_version_deleted_before_it_replicated_never_arrives(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    failures = buckets.notify(buckets.source, "s3:Replication:*")
    version_id = buckets.put("doc")
    buckets.s3.delete_object(Bucket=buckets.source, Key="doc", VersionId=version_id)
    buckets.emulator.quiet()
    assert buckets.versions(buckets.first, "doc") == []
    assert failures.poll() == []


def test_the_newest_version_is_current_in_the_destination_whatever_arrives_first(
    buckets: Buckets,
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    with buckets.emulator.settings(replication_delay_seconds=0.1, replication_jitter_seconds=1):
        written = [buckets.put("doc", bytes([number])) for number in range(12)]
    buckets.emulator.quiet()
    listed = buckets.s3.list_object_versions(Bucket=buckets.first)["Versions"]
    assert {each["VersionId"] for each in listed} == set(written)
    assert [each["VersionId"] for each in listed if each["IsLatest"]] == [written[-1]]
    assert buckets.s3.get_object(Bucket=buckets.first, Key="doc")["Body"].read() == bytes([11])


def test_replicas_are_not_replicated_again(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    buckets.replicate(buckets.rule(buckets.second), source=buckets.first)
    buckets.wait_header("doc", buckets.put("doc"), "COMPLETED")
    buckets.emulator.quiet()
    assert buckets.versions(buckets.second, "doc") == []


def test_two_buckets_can_replicate_into_each_other(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    buckets.replicate(buckets.rule(buckets.source, markers=True), source=buckets.first)
    there = buckets.put("from-source")
    back = buckets.s3.put_object(Bucket=buckets.first, Key="from-first", Body=b"x")["VersionId"]
    buckets.wait_header("from-source", there, "COMPLETED")
    wait_for(lambda: buckets.header("from-first", back, buckets.first) == "COMPLETED")
    assert buckets.header("from-source", there, buckets.first) == "REPLICA"
    assert buckets.header("from-first", back, buckets.source) == "REPLICA"
    buckets.emulator.quiet()
    assert (
        len(buckets.versions(buckets.source, "")) == len(buckets.versions(buckets.first, "")) == 2
    )


def test_the_highest_priority_decides_about_one_destination(buckets: Buckets) -> None:
    low = buckets.rule(buckets.first, ID="low", Priority=1)
    high = buckets.rule(buckets.first, ID="high", Priority=2, prefix="fail-")
    failures = buckets.notify(buckets.source, "s3:Replication:*")
    buckets.replicate(low, high)
    buckets.put("fail-DstKmsKeyNotFound")
    (record,) = failures.wait()
    assert record["replicationEventData"]["replicationRuleId"] == "high"


def test_a_rule_may_change_the_storage_class(buckets: Buckets) -> None:
    rule = buckets.rule(buckets.first)
    rule["Destination"]["StorageClass"] = "STANDARD_IA"
    buckets.replicate(rule)
    buckets.wait_header("doc", buckets.put("doc"), "COMPLETED")
    assert buckets.s3.head_object(Bucket=buckets.first, Key="doc")["StorageClass"] == "STANDARD_IA"


def test_accepted_versions_arrive_after_their_rule_is_gone(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    accepted = buckets.put("before")
    buckets.s3.delete_bucket_replication(Bucket=buckets.source)
    later = buckets.put("after")
    buckets.wait_header("before", accepted, "COMPLETED")
    assert buckets.header("after", later) is None


def test_changed_tags_reach_the_replica_over_pending(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc", Tagging="a=1")
    buckets.wait_header("doc", version_id, "COMPLETED")
    here = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    there = here | {"Bucket": buckets.first}
    tag_set = [{"Key": "a", "Value": "2"}]
    buckets.s3.put_object_tagging(**here, Tagging={"TagSet": tag_set})
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert buckets.s3.get_object_tagging(**there)["TagSet"] == tag_set
    buckets.s3.delete_object_tagging(**here)
    buckets.wait_header("doc", version_id, "PENDING")
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert buckets.s3.get_object_tagging(**there)["TagSet"] == []
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"


def test_a_changed_acl_reaches_the_replica_over_pending(buckets: Buckets) -> None:
    for bucket in (buckets.source, buckets.first):
        buckets.s3.delete_public_access_block(Bucket=bucket)
        buckets.s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    buckets.s3.put_object_acl(Bucket=buckets.source, Key="doc", ACL="public-read")
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    grants = buckets.s3.get_object_acl(Bucket=buckets.first, Key="doc")["Grants"]
    assert "READ" in {grant["Permission"] for grant in grants}


def test_a_suspended_source_replicates_nothing(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    buckets.version(buckets.source, "Suspended")
    buckets.s3.put_object(Bucket=buckets.source, Key="doc", Body=b"x")
    head = buckets.s3.head_object(Bucket=buckets.source, Key="doc")
    assert "ReplicationStatus" not in head


def test_a_burst_of_writes_all_arrives(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first), buckets.rule(buckets.second))
    written = {f"burst/{number}": buckets.put(f"burst/{number}") for number in range(100)}
    buckets.emulator.quiet()
    for bucket in (buckets.first, buckets.second):
        listed = buckets.s3.list_object_versions(Bucket=bucket)["Versions"]
        assert {each["Key"]: each["VersionId"] for each in listed} == written


def test_settings_are_changed_while_it_runs_and_wrong_ones_change_nothing(
    buckets: Buckets,
) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    with buckets.emulator.settings(replication_delay_seconds=3):
        waits = buckets.put("waits")
    quick = buckets.put("quick")
    buckets.wait_header("quick", quick, "COMPLETED")
    assert buckets.header("waits", waits) == "PENDING"
    before = buckets.emulator.admin()["settings"]
    with pytest.raises(Exception, match="400"):
        buckets.emulator.admin({"seed": 3, "typo": 1})
    assert buckets.emulator.admin()["settings"] == before
    buckets.s3.delete_object(Bucket=buckets.source, Key="waits", VersionId=waits)
