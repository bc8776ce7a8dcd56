"""Events are switched off after the deployment: the doctor and its metric say so once there is
activity, and not of a bucket that is merely quiet."""

import base64
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from local import demo_buckets, deploy, stack
from local.emulator import server
from s3rt.api import Api
from tests.e2e.conftest import Deployed, eventually
from tests.support import payloads

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

DEAF = ("tracker-e2e-deaf", "tracker-e2e-deaf-replica")
QUIET = ("tracker-e2e-quiet", "tracker-e2e-quiet-replica")
Found = set[tuple[str, str, str]]


@pytest.fixture(scope="module")
def silenced(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    """A stack that reconciles after seconds, under the policies of its functions. Both destinations
    send no events."""
    session = boto3.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name=server.REGION
    )
    state = tmp_path_factory.mktemp("silence")
    outputs = stack.up(
        port=server.free_port(),
        state_dir=state,
        replication={
            source: [demo_buckets.rule("all", replica, priority=1)]
            for source, replica in (DEAF, QUIET)
        },
        settings=stack.ENFORCED,
        context={"check_base_seconds": "1"},
        tied=True,
    )
    try:
        with Api.at(outputs.api_url, outputs.region, session) as api:
            deployed = Deployed(outputs, api, session)
            deployed.send(payloads.body("eventbridge-scheduled"))
            for _, replica in (DEAF, QUIET):
                send_events(deployed, replica, on=False)
            yield deployed
    finally:
        stack.down(state)


def send_events(deployed: Deployed, bucket: str, *, on: bool) -> None:
    deployed.client("s3").put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={"EventBridgeConfiguration": {}} if on else {},
    )


def resource(deployed: Deployed, kind: str, name: str) -> str:
    found = deployed.client("cloudformation").describe_stack_resources(StackName=deploy.STACK_NAME)
    (one,) = (
        str(one["PhysicalResourceId"])
        for one in found["StackResources"]
        if one["ResourceType"] == kind and name in one["LogicalResourceId"]
    )
    return one


def run(deployed: Deployed, function: str, event: dict[str, Any]) -> str:
    """The end of the log of an invocation."""
    name = resource(deployed, "AWS::Lambda::Function", function)
    answer = deployed.client("lambda").invoke(
        FunctionName=name, Payload=json.dumps(event), LogType="Tail"
    )
    assert "FunctionError" not in answer, answer["Payload"].read()
    return base64.b64decode(answer["LogResult"]).decode()


def errors(deployed: Deployed) -> Found:
    items = deployed.api.get("/v1/doctor")["items"]
    return {
        (one["bucket"], one["check"], one["severity"])
        for one in items
        if one["check"] in ("events", "event-rule")
    }


def counted(deployed: Deployed) -> float:
    """The metric that the alarm is on."""
    lines = run(deployed, "SummarizerSummarize", {"task": "measure"}).splitlines()
    (value,) = (json.loads(line)["Findings"] for line in lines if '"Findings":' in line)
    return float(value[0])


def test_a_destination_that_went_deaf_is_found_by_what_arrives_there_and_a_quiet_one_is_not(
    silenced: Deployed,
) -> None:
    source, replica = DEAF
    written = {f"k{n}": silenced.put(f"k{n}", source) for n in range(3)}
    eventually(lambda: {silenced.header(source, *one) for one in written.items()} == {"COMPLETED"})
    eventually(lambda: all(silenced.known(source, *one) for one in written.items()))
    assert (errors(silenced), counted(silenced)) == (set(), 0)

    def reconciled() -> bool:
        run(silenced, "ReconcilerReconcile", {})
        return (replica, "events", "error") in errors(silenced)

    eventually(reconciled, 90)
    assert errors(silenced) == {(replica, "events", "error")}, "not of the quiet one"
    assert counted(silenced) == 1
    send_events(silenced, replica, on=True)
    version_id = silenced.put("again", source)
    answer = silenced.settled("again", version_id, source)
    assert answer["destinations"][0]["evidence"] == "replica_created"


def test_a_rule_of_eventbridge_that_was_disabled_is_found_at_the_next_inspection(
    silenced: Deployed,
) -> None:
    events = silenced.client("events")
    rule = resource(silenced, "AWS::Events::Rule", "IngestObjects0")
    wanted = {
        *((source, "event-rule", "error") for source, _ in (DEAF, QUIET)),
        *((replica, "event-rule", "warning") for _, replica in (DEAF, QUIET)),
    }

    def inspected() -> Found:
        """An hour later, as far as the tracker knows."""
        for bucket in (*DEAF, *QUIET):
            silenced.client("dynamodb").delete_item(
                TableName=silenced.outputs.stack["TableName"],
                Key={"pk": {"S": "#setups"}, "sk": {"S": bucket}},
            )
        log = run(silenced, "ReconcilerReconcile", {})
        assert "could not be inspected" not in log, log
        return {one for one in errors(silenced) if one[1] == "event-rule"}

    assert inspected() == set()
    page = f"/v1/buckets/{DEAF[0]}/objects"
    assert silenced.api.get(page, status="PENDING")["complete"]
    events.disable_rule(Name=rule)
    assert inspected() == wanted
    assert counted(silenced) >= 2
    eventually(lambda: not silenced.api.get(page, status="PENDING")["complete"], 90)
    events.enable_rule(Name=rule)
    assert inspected() == set()
