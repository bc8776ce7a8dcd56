"""Object events as S3 notifications straight to the ingest queue, with EventBridge off; and
COMPLETED versions that are forgotten."""

import time
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local import demo_buckets, stack
from local.emulator import server
from replication.aws.table import ledger_item
from replication.s3.version import ObjectVersion
from s3rt.api import Api
from tests.e2e.conftest import Deployed, eventually

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SOURCE, REPLICA = "tracker-e2e-notified", "tracker-e2e-notified-replica"


@pytest.fixture(scope="module")
def notified(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("notified")
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=server.REGION
    )
    outputs = stack.up(
        port=server.free_port(),
        state_dir=state,
        replication={SOURCE: [demo_buckets.rule("all", REPLICA, priority=1)]},
        settings=stack.ENFORCED,
        context={"object_events": "s3", "forget_completed_days": "30"},
        tied=True,
    )
    try:
        with Api.at(outputs.api_url, outputs.region, session) as api:
            yield Deployed(outputs, api, session)
    finally:
        stack.down(state)


def test_a_version_completes_by_the_replicas_own_notification(notified: Deployed) -> None:
    key = "in/red flower é%.jpg"
    version_id = notified.put(key, SOURCE)
    answer = notified.settled(key, version_id, SOURCE)
    (place,) = answer["destinations"]
    assert (answer["replication_status"], place["evidence"]) == ("COMPLETED", "replica_created")
    assert notified.header(SOURCE, key, version_id) == "COMPLETED"
    times = [answer["created_at"], place["since"]]
    assert not all(one.endswith((".000Z", ".999Z")) for one in times), "to the millisecond"
    for bucket in (SOURCE, REPLICA):
        configuration = notified.client("s3").get_bucket_notification_configuration(Bucket=bucket)
        assert "EventBridgeConfiguration" not in configuration


def test_markers_tags_and_deletions_come_as_well(notified: Deployed) -> None:
    key, s3 = "in/tagged", notified.client("s3")
    version_id = notified.put(key, SOURCE)
    notified.settled(key, version_id, SOURCE)
    tags = {"TagSet": [{"Key": "class", "Value": "a"}]}
    s3.put_object_tagging(Bucket=SOURCE, Key=key, VersionId=version_id, Tagging=tags)
    kinds = {"object_changed"}

    def changed() -> bool:
        answer = notified.known(SOURCE, key, version_id)
        return kinds <= {one["evidence"] for one in answer["transitions"]}

    eventually(changed)
    s3.delete_object(Bucket=REPLICA, Key=key, VersionId=version_id)
    eventually(lambda: notified.known(SOURCE, key, version_id)["destinations"][0]["lost_at"])
    s3.delete_object(Bucket=SOURCE, Key=key, VersionId=version_id)
    eventually(lambda: notified.known(SOURCE, key, version_id)["deleted_at"])


def test_the_doctor_understands_the_mode(notified: Deployed) -> None:
    """The reconciler has inspected the buckets by its first tick, five minutes after deployment;
    it is asked for one here."""
    functions = notified.client("lambda")
    (name,) = (
        one["FunctionName"]
        for one in functions.list_functions()["Functions"]
        if one["Handler"] == "reconcile.handler.handler"
    )
    answer = functions.invoke(FunctionName=name, Payload=b"{}")
    assert "FunctionError" not in answer, answer["Payload"].read()
    assert notified.api.get("/v1/doctor")["items"] == []


def route(notified: Deployed) -> Any:
    found = notified.api.get(f"/v1/buckets/{SOURCE}/summary")["destinations"]
    return next(one for one in found if one["destination"] == REPLICA)


def test_a_completed_version_expires_and_stays_counted(notified: Deployed) -> None:
    """DynamoDB removes the item; the emulator does so once a minute."""
    key, dynamodb = "forgotten/one", notified.client("dynamodb")
    version_id = notified.put(key, SOURCE)
    notified.settled(key, version_id, SOURCE)
    where = {
        "TableName": notified.outputs.stack["TableName"],
        "Key": ledger_item.key_of(ObjectVersion(SOURCE, key, version_id), REPLICA),
    }
    item = dynamodb.get_item(**where, ConsistentRead=True)["Item"]
    assert abs(int(item["expires_at"]["N"]) - time.time() - 30 * 86_400) < 300
    eventually(lambda: route(notified)["counts"]["pending"]["count"] == 0)
    before = route(notified)["counts"]
    watermark = route(notified)["watermark"]["at"]

    dynamodb.update_item(
        **where,
        UpdateExpression="SET expires_at = :past",
        ExpressionAttributeValues={":past": {"N": str(int(time.time()) - 60)}},
    )
    eventually(lambda: notified.known(SOURCE, key, version_id) is None, 100)
    eventually(lambda: route(notified)["counts"]["forgotten"]["count"] == 1)
    after = route(notified)["counts"]
    size = len(key.encode())
    assert after == {**before, "forgotten": {"count": 1, "bytes": size}}
    assert route(notified)["watermark"]["at"] >= watermark
    page = notified.api.get(f"/v1/buckets/{SOURCE}/objects", status="COMPLETED")
    assert key not in [one["key"] for one in page["items"]]
    assert (page["complete"], page["forgotten_before"] is None) == (False, False)
