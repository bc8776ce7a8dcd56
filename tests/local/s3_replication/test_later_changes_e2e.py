"""Later changes through S3's own API: what they reach, and what they heal."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.local.conftest import Buckets

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]

MATCHING = {"replicate": "yes"}


def refuse(buckets: Buckets, bucket: str, action: str) -> None:
    """The bucket's policy refuses the replication role that."""
    statement = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": action,
        "Resource": f"arn:aws:s3:::{bucket}/*",
    }
    policy = {"Version": "2012-10-17", "Statement": [statement]}
    buckets.s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))


def tag(buckets: Buckets, key: str, version_id: str, tags: dict[str, str]) -> None:
    buckets.s3.put_object_tagging(
        Bucket=buckets.source,
        Key=key,
        VersionId=version_id,
        Tagging={"TagSet": [{"Key": name, "Value": value} for name, value in tags.items()]},
    )


def tags_there(buckets: Buckets, key: str, version_id: str) -> dict[str, str]:
    found = buckets.s3.get_object_tagging(Bucket=buckets.first, Key=key, VersionId=version_id)
    return {each["Key"]: each["Value"] for each in found["TagSet"]}


def by_tag(buckets: Buckets) -> None:
    filters = {"Tag": {"Key": "replicate", "Value": "yes"}}
    buckets.replicate(buckets.rule(buckets.first, Filter=filters))


def test_time_and_repair_heal_nothing_and_new_tags_do(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    refuse(buckets, buckets.first, "s3:ReplicateObject")
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "FAILED")
    tag(buckets, "doc", version_id, {"a": "1"})
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "FAILED")
    buckets.s3.delete_bucket_policy(Bucket=buckets.first)
    buckets.emulator.quiet()
    assert buckets.header("doc", version_id) == "FAILED"
    tag(buckets, "doc", version_id, {"a": "2"})
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"
    assert tags_there(buckets, "doc", version_id) == {"a": "2"}


def test_tags_that_no_rule_takes_any_more_stay_where_they_are(buckets: Buckets) -> None:
    by_tag(buckets)
    version_id = buckets.put("doc", Tagging="replicate=yes")
    buckets.wait_header("doc", version_id, "COMPLETED")
    tag(buckets, "doc", version_id, {"replicate": "no"})
    assert buckets.header("doc", version_id) == "COMPLETED"
    buckets.emulator.quiet()
    assert tags_there(buckets, "doc", version_id) == MATCHING
    tag(buckets, "doc", version_id, MATCHING | {"b": "2"})
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert tags_there(buckets, "doc", version_id) == MATCHING | {"b": "2"}


def test_a_version_that_did_not_match_when_written_never_goes(buckets: Buckets) -> None:
    by_tag(buckets)
    version_id = buckets.put("doc", Tagging="replicate=no")
    tag(buckets, "doc", version_id, MATCHING)
    buckets.emulator.quiet()
    assert buckets.header("doc", version_id) is None
    with pytest.raises(ClientError, match="404"):
        buckets.header("doc", version_id, buckets.first)


def test_a_change_after_the_rules_are_gone_goes_nowhere(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    buckets.s3.delete_bucket_replication(Bucket=buckets.source)
    tag(buckets, "doc", version_id, {"a": "1"})
    assert buckets.header("doc", version_id) == "COMPLETED"
    buckets.emulator.quiet()
    assert tags_there(buckets, "doc", version_id) == {}


def test_the_same_acl_again_is_no_change(buckets: Buckets) -> None:
    for bucket in (buckets.source, buckets.first):
        buckets.s3.delete_public_access_block(Bucket=bucket)
        buckets.s3.put_bucket_ownership_controls(
            Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
        )
    buckets.replicate(buckets.rule(buckets.first))
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    acl = {"Bucket": buckets.source, "Key": "doc", "VersionId": version_id}
    buckets.s3.put_object_acl(**acl, ACL="private")
    assert buckets.header("doc", version_id) == "COMPLETED"
    buckets.s3.put_object_acl(**acl, ACL="public-read")
    assert buckets.header("doc", version_id) == "PENDING"
    buckets.wait_header("doc", version_id, "COMPLETED")
    buckets.s3.put_object_acl(**acl, ACL="public-read")
    assert buckets.header("doc", version_id) == "COMPLETED"


@pytest.mark.parametrize("disabled", [True, False])
def test_an_accepted_version_arrives_where_its_rule_led(buckets: Buckets, disabled: bool) -> None:
    rule = buckets.rule(buckets.first)
    buckets.replicate(rule)
    accepted = buckets.put("before")
    changed = rule | {"Status": "Disabled"} if disabled else buckets.rule(buckets.second)
    buckets.replicate(changed)
    later = buckets.put("after")
    buckets.wait_header("before", accepted, "COMPLETED")
    buckets.emulator.quiet()
    assert buckets.header("before", accepted, buckets.first) == "REPLICA"
    assert buckets.header("after", later) == (None if disabled else "COMPLETED")
    assert [each["Key"] for each in buckets.versions(buckets.second, "")] == (
        [] if disabled else ["after"]
    )


@pytest.mark.parametrize("side", ["source", "destination"])
def test_tags_that_may_not_travel_fail_silently_until_they_may(buckets: Buckets, side: str) -> None:
    failures = buckets.notify(buckets.source, "s3:Replication:*")
    buckets.replicate(buckets.rule(buckets.first))
    where = buckets.source if side == "source" else buckets.first
    action = "s3:GetObjectVersionTagging" if side == "source" else "s3:ReplicateTags"
    refuse(buckets, where, action)
    version_id = buckets.put("doc", Tagging="a=1")
    buckets.wait_header("doc", version_id, "FAILED")
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"
    assert tags_there(buckets, "doc", version_id) == {}
    buckets.s3.delete_bucket_policy(Bucket=where)
    tag(buckets, "doc", version_id, {"a": "2"})
    buckets.wait_header("doc", version_id, "COMPLETED")
    assert tags_there(buckets, "doc", version_id) == {"a": "2"}
    assert failures.poll() == []


@pytest.mark.parametrize(
    ("action", "reason"),
    [
        ("s3:GetObjectVersionForReplication", "SrcGetObjectNotPermitted"),
        ("s3:GetObjectVersionAcl", "SrcGetAclNotPermitted"),
    ],
)
def test_a_source_that_refuses_the_role_fails_with_its_reason(
    buckets: Buckets, action: str, reason: str
) -> None:
    failures = buckets.notify(buckets.source, "s3:Replication:*")
    buckets.replicate(buckets.rule(buckets.first))
    refuse(buckets, buckets.source, action)
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "FAILED")
    (record,) = failures.wait()
    assert record["replicationEventData"]["failureReason"] == reason
    with pytest.raises(ClientError, match="404"):
        buckets.header("doc", version_id, buckets.first)


@pytest.mark.parametrize("selected", ["Enabled", "Disabled"])
def test_changes_of_a_replica_go_back_where_the_rule_selects_them(
    buckets: Buckets, selected: str
) -> None:
    criteria: dict[str, Any] = {
        "SourceSelectionCriteria": {"ReplicaModifications": {"Status": selected}}
    }
    buckets.replicate(buckets.rule(buckets.first, **criteria))
    buckets.replicate(buckets.rule(buckets.source, **criteria), source=buckets.first)
    version_id = buckets.put("doc")
    buckets.wait_header("doc", version_id, "COMPLETED")
    where = {"Key": "doc", "VersionId": version_id}
    tag_set = [{"Key": "a", "Value": "1"}]
    buckets.s3.put_object_tagging(Bucket=buckets.first, **where, Tagging={"TagSet": tag_set})
    assert buckets.header("doc", version_id) == "COMPLETED"
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"
    buckets.emulator.quiet()
    found = buckets.s3.get_object_tagging(Bucket=buckets.source, **where)["TagSet"]
    assert found == (tag_set if selected == "Enabled" else [])
    assert buckets.header("doc", version_id) == "COMPLETED"
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"
    for bucket in (buckets.source, buckets.first):
        assert len(buckets.versions(bucket, "doc")) == 1
