"""A multipart upload's object is as old as the upload."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from tests.local.conftest import Buckets

pytestmark = [pytest.mark.e2e, pytest.mark.enable_socket]


def begin(buckets: Buckets) -> str:
    upload = buckets.s3.create_multipart_upload(Bucket=buckets.source, Key="doc")
    return str(upload["UploadId"])


def complete(buckets: Buckets, upload: str) -> str:
    where = {"Bucket": buckets.source, "Key": "doc", "UploadId": upload}
    part = buckets.s3.upload_part(**where, PartNumber=1, Body=b"part")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    done = buckets.s3.complete_multipart_upload(**where, MultipartUpload=parts)
    return str(done["VersionId"])


def test_its_sequencer_is_that_of_its_start_in_both_channels(buckets: Buckets) -> None:
    events = ("s3:ObjectCreated:*", "s3:ObjectRemoved:*")
    bus = buckets.bus(buckets.source)
    queue = buckets.notify(buckets.source, *events, eventbridge=True)
    before = buckets.put("doc")
    upload = begin(buckets)
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    version_id = complete(buckets, upload)
    told = {r["s3"]["object"]["versionId"]: r for r in queue.wait(3)}
    order = [told[each]["s3"]["object"]["sequencer"] for each in (before, version_id, marker)]
    assert order == sorted(set(order))
    assert told[version_id]["eventTime"] > told[marker]["eventTime"]
    sequencers = {
        e["detail"]["object"]["version-id"]: e["detail"]["object"]["sequencer"] for e in bus.wait(3)
    }
    assert [sequencers[each] for each in (before, version_id, marker)] == order


def test_a_delete_since_its_start_hides_it_in_both_buckets(buckets: Buckets) -> None:
    buckets.replicate(buckets.rule(buckets.first, markers=True))
    upload = begin(buckets)
    marker = buckets.s3.delete_object(Bucket=buckets.source, Key="doc")["VersionId"]
    version_id = complete(buckets, upload)
    buckets.wait_header("doc", version_id, "COMPLETED")
    buckets.emulator.quiet()
    for bucket in (buckets.source, buckets.first):
        with pytest.raises(ClientError, match="404"):
            buckets.s3.head_object(Bucket=bucket, Key="doc")
        listed = buckets.s3.list_object_versions(Bucket=bucket)
        both = [*listed["Versions"], *listed["DeleteMarkers"]]
        assert [each["VersionId"] for each in both if each["IsLatest"]] == [marker]
    assert buckets.header("doc", version_id, buckets.first) == "REPLICA"


def test_a_version_put_since_its_start_stays_the_latest(buckets: Buckets) -> None:
    upload = begin(buckets)
    newer = buckets.put("doc", b"newer")
    older = complete(buckets, upload)
    head = buckets.s3.get_object(Bucket=buckets.source, Key="doc")
    assert (head["VersionId"], head["Body"].read()) == (newer, b"newer")
    old = buckets.s3.get_object(Bucket=buckets.source, Key="doc", VersionId=older)
    assert old["Body"].read() == b"part"
    assert old["LastModified"] <= head["LastModified"]


def test_nothing_in_between_leaves_it_the_latest(buckets: Buckets) -> None:
    buckets.put("doc")
    version_id = complete(buckets, begin(buckets))
    assert buckets.s3.head_object(Bucket=buckets.source, Key="doc")["VersionId"] == version_id
