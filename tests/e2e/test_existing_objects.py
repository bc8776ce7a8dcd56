"""Objects from before the tracker: an S3 Inventory through the deployed backfill."""

import json

import pytest

from local import demo_buckets
from tests.e2e.conftest import INVENTORIES, Deployed, eventually
from tests.s3rt.conftest import Command
from tests.support.deliveries import inventory, line, values

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

STATUSES = {
    "TaxDocs/old+one.pdf": "COMPLETED",
    "logs/old.log": "FAILED",
    "logs/pending.log": "PENDING",
    "elsewhere/plain": "",
    "TaxDocs/replica": "REPLICA",
}


def test_an_inventory_makes_old_objects_known_with_its_own_time_and_evidence(
    deployed: Deployed, s3rt: Command
) -> None:
    s3 = deployed.client("s3")
    s3.create_bucket(Bucket=INVENTORIES)
    rows = b"".join(
        line(values(key, status, Bucket=demo_buckets.SOURCE)) for key, status in STATUSES.items()
    )
    manifest = inventory(("data/1.csv", rows)) | {
        "sourceBucket": demo_buckets.SOURCE,
        "destinationBucket": f"arn:aws:s3:::{INVENTORIES}",
    }
    s3.put_object(Bucket=INVENTORIES, Key="data/1.csv", Body=rows)
    s3.put_object(Bucket=INVENTORIES, Key="list/manifest.json", Body=json.dumps(manifest).encode())

    manifest_uri = f"s3://{INVENTORIES}/list/manifest.json"
    ran = s3rt("backfill", manifest_uri, "--rules-since", "2026-10-01T00:00:00Z", "--wait")
    assert ran.code == 0, ran
    assert "finished" in ran.out

    completed = eventually(lambda: deployed.known(demo_buckets.SOURCE, "TaxDocs/old one.pdf", "v1"))
    assert completed["replication_status"] == "COMPLETED"
    assert {place["evidence"] for place in completed["destinations"]} == {"inventory"}
    assert completed["size"] == 7
    failed = deployed.known(demo_buckets.SOURCE, "logs/old.log", "v1")
    assert failed["replication_status"] == "FAILED"
    assert (
        deployed.known(demo_buckets.SOURCE, "logs/pending.log", "v1")["replication_status"]
        == "PENDING"
    )
    assert deployed.known(demo_buckets.SOURCE, "elsewhere/plain", "v1") is None
    assert deployed.known(demo_buckets.SOURCE, "TaxDocs/replica", "v1") is None
