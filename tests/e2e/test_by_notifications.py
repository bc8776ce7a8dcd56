"""Object events as S3 notifications straight to the ingest queue, with EventBridge off."""

from collections.abc import Iterator

import boto3
import pytest

from local import demo_buckets, stack
from local.emulator import server
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
        context={"object_events": "s3"},
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
