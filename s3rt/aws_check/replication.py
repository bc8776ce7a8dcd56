"""Checks of replication between two buckets: 1, 2 and 7."""

from s3rt.aws_check.buckets import Buckets, refused_with
from s3rt.aws_check.lab import Lab
from s3rt.aws_check.observation import Result, differs, holds, not_checked

_PART_BYTES = 5 << 20
"""The least that S3 takes for a part that is not the last."""
_NOT_BEGUN = not_checked(
    "no object was replicated, or no event came, while the check waited; give it more --time"
)


def arrival(lab: Lab) -> Result:
    """1: of a put and of a multipart upload."""
    buckets = lab.buckets
    if not buckets.begun(lab.progress):
        return _NOT_BEGUN
    seen = []
    for how, key, version_id in (
        ("put", "arrival", buckets.put("arrival")),
        ("multipart upload", "multipart", _multipart(buckets, "multipart")),
    ):
        lab.progress(f"waiting for the replica of a {how}")
        detail = buckets.event(buckets.replica, "Object Created", version_id)
        if detail is None:
            if buckets.completed(key, version_id, 0):
                return differs(f"the {how} is COMPLETED, and no event of its replica came")
            return not_checked(f"the {how} was not replicated in time; give it more --time")
        seen.append(f"{how}: Object Created, reason {detail.get('reason')}")
    return holds("; ".join(seen))


def _multipart(buckets: Buckets, key: str) -> str:
    """The version id of an object of two parts."""
    s3, at = buckets.s3, {"Bucket": buckets.source, "Key": key}
    upload = s3.create_multipart_upload(**at)["UploadId"]
    parts = [
        {
            "PartNumber": number,
            "ETag": s3.upload_part(**at, UploadId=upload, PartNumber=number, Body=body)["ETag"],
        }
        for number, body in enumerate((b"0" * _PART_BYTES, b"1"), 1)
    ]
    done = s3.complete_multipart_upload(**at, UploadId=upload, MultipartUpload={"Parts": parts})
    return str(done["VersionId"])


def delete_marker(lab: Lab) -> Result:
    """2"""
    buckets = lab.buckets
    if not buckets.begun(lab.progress):
        return _NOT_BEGUN
    if not buckets.completed("marker", buckets.put("marker")):
        return not_checked("the object was not replicated in time; give it more --time")
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="marker")["VersionId"]
    lab.progress("waiting for a delete marker to be replicated")
    detail = buckets.event(buckets.replica, "Object Deleted", marker)
    if detail is not None:
        kind = detail.get("deletion-type")
        seen = f"Object Deleted, deletion type {kind}, with the marker's version id"
        return holds(seen) if kind == "Delete Marker Created" else differs(seen)
    there = refused_with(
        lambda: buckets.s3.head_object(Bucket=buckets.replica, Key="marker", VersionId=marker)
    )
    if there == 405:
        return differs("the marker is at the destination, and no event with its version id came")
    return not_checked("the marker was not replicated in time; give it more --time")


def modification(lab: Lab) -> Result:
    """7: the last one, because it changes the rules."""
    buckets = lab.buckets
    if not buckets.begun(lab.progress):
        return _NOT_BEGUN
    for one, other in ((buckets.source, buckets.replica), (buckets.replica, buckets.source)):
        buckets.replicate(one, other, modifications=True)
    version_id = buckets.put("modified")
    if not buckets.completed("modified", version_id):
        return not_checked("the object was not replicated in time; give it more --time")
    changed = {"TagSet": [{"Key": "changed", "Value": "yes"}]}
    at = {"Key": "modified", "VersionId": version_id}
    buckets.s3.put_object_tagging(Bucket=buckets.replica, Tagging=changed, **at)
    lab.progress("waiting for a change of tags to reach the source")
    statuses: set[str] = set()

    def is_synchronized() -> bool:
        statuses.add(str(buckets.status(buckets.replica, "modified", version_id)))
        tags = buckets.s3.get_object_tagging(Bucket=buckets.source, **at)["TagSet"]
        return bool(tags)

    if not lab.account.until(is_synchronized):
        return not_checked("the change of tags did not reach the source; give it more --time")
    statuses.add(str(buckets.status(buckets.replica, "modified", version_id)))
    seen = f"the replica showed {', '.join(sorted(statuses))}"
    return holds(seen) if statuses <= {"REPLICA", "PENDING"} else differs(seen)
