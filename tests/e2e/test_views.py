"""Summary, watermark, timeline and incidents of the deployed stack, by its users' means alone."""

import json
import time
from typing import Any

import pytest

from local import demo_buckets, deploy
from tests.e2e.conftest import COUNTED, Deployed, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

SOURCE, ONE, TWO = demo_buckets.SOURCE, demo_buckets.REPLICA_1, demo_buckets.REPLICA_2


def summary(deployed: Deployed, destination: str, bucket: str = SOURCE) -> Any:
    answer = deployed.api.get(f"/v1/buckets/{bucket}/summary")
    (found,) = (one for one in answer["destinations"] if one["destination"] == destination)
    return found


def list_length(deployed: Deployed, status: str, destination: str) -> int:
    pages = deployed.api.pages(
        f"/v1/buckets/{SOURCE}/objects", status=status, destination=destination, limit=1000
    )
    return sum(len(page["items"]) for page in pages)


def test_counts_are_the_lengths_of_the_lists(deployed: Deployed) -> None:
    versions = [(key := f"TaxDocs/counted-{n}.pdf", deployed.put(key)) for n in range(5)]
    failing = f"TaxDocs/fail-DstKmsKeyNotFound@{TWO}/counted.pdf"
    versions.append((failing, deployed.put(failing)))
    for key, version_id in versions:
        deployed.settled(key, version_id)

    def agree() -> bool:
        return all(
            summary(deployed, destination)["counts"][status.lower()]["count"]
            == list_length(deployed, status, destination)
            for destination in (ONE, TWO)
            for status in ("PENDING", "COMPLETED", "FAILED")
        )

    assert eventually(agree)
    found = summary(deployed, ONE)
    assert found["counts"]["completed"]["count"] >= 6
    assert found["counts"]["completed"]["bytes"] > 0
    assert found["latency"]["last_hour"]["count"] >= 5
    assert 0 <= found["latency"]["last_hour"]["p50"] <= found["latency"]["last_hour"]["p99"]


def test_the_watermark_names_what_holds_it_back(deployed: Deployed) -> None:
    key = f"TaxDocs/fail-AssumeRoleNotPermitted@{TWO}/held.pdf"
    version_id = deployed.put(key)
    deployed.settled(key, version_id)
    (row,) = eventually(lambda: deployed.api.objects(SOURCE, status="FAILED", prefix=key))
    mark: Any = eventually(
        lambda: (
            found
            if (found := summary(deployed, TWO)["watermark"])["held_back_by"]
            and found["at"] <= row["requested_at"]
            else None
        )
    )
    # How much was heard, and listed, by now is not this test's doing.
    assert mark["reason"] in (None, "nothing-heard-yet", "not-listed-before")
    assert mark["complete"] is (mark["reason"] is None)
    assert mark["lag_seconds"] > 0
    # What may be due holds it back as well, until S3 was asked.
    for one in mark["held_back_by"]:
        assert one["status"] in ("PENDING", "FAILED") or one["in_doubt"]
    first = mark["held_back_by"][0]
    assert mark["at"] <= (first["requested_at"] or first["since"])


def test_an_incident_opens_with_the_first_failure_and_resolves_when_all_is_well(
    deployed: Deployed,
) -> None:
    sqs, url = deployed.client("sqs"), deployed.subscribed("IncidentTopicArn", "e2e-incidents")
    code = "DstPutTaggingNotPermitted"
    keys = [f"TaxDocs/fail-{code}@{TWO}/incident-{n}.pdf" for n in range(3)]
    versions = {key: deployed.put(key) for key in keys}
    for key, version_id in versions.items():
        deployed.settled(key, version_id)

    def opened() -> Any:
        page = deployed.api.get("/v1/incidents", state="open")
        return next((one for one in page["items"] if one["failure"]["code"] == code), None)

    eventually(lambda: (found := opened()) and found["failing"] == 3)
    incident: Any = opened()
    assert (incident["bucket"], incident["destination"]) == (SOURCE, TWO)
    assert incident["failure"]["fix"]
    assert {one["key"] for one in incident["samples"]} == set(keys)
    assert deployed.api.get(incident["api_path"]) == incident

    told: list[Any] = []

    def messages() -> list[Any]:
        received = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
        for message in received.get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            told.append(json.loads(json.loads(message["Body"])["Message"]))
        return [one for one in told if one["id"] == incident["id"]]

    assert [one["event"] for one in eventually(messages)] == ["opened"]
    for key, version_id in versions.items():
        deployed.client("s3").delete_object(Bucket=SOURCE, Key=key, VersionId=version_id)
    well = "TaxDocs/well-again.pdf"
    deployed.settled(well, deployed.put(well))
    eventually(lambda: len(messages()) > 1)
    assert [one["event"] for one in messages()] == ["opened", "resolved"]
    after = deployed.api.get(incident["api_path"])
    assert (after["state"], after["failing"], after["failures"]) == ("resolved", 0, 3)
    assert opened() is None


def test_a_timeline_counts_what_happened(deployed: Deployed) -> None:
    """Two written, one of them arrived, the other failed; then the first was changed, and arrived
    once more: a version completes as often as it is asked for."""
    source, replica = COUNTED
    well, failing = "well.pdf", "fail-DstKmsKeyNotFound.pdf"
    version_id = deployed.put(well, source)
    deployed.settled(failing, deployed.put(failing, source), source)
    deployed.settled(well, version_id, source)
    time.sleep(1)  # EventBridge tells whole seconds: within one, nobody can tell what came first
    deployed.client("s3").put_object_tagging(
        Bucket=source, Key=well, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]}
    )

    def counted() -> dict[str, int]:
        answer = deployed.api.get(f"/v1/buckets/{source}/timeline", step="1m")
        (route,) = (one for one in answer["destinations"] if one["destination"] == replica)
        assert len(route["intervals"]) in (60, 61)
        return {
            word: sum(one[word] or 0 for one in route["intervals"])
            for word in ("created", "completed", "failed")
        }

    expected = {"created": 2, "completed": 2, "failed": 1}
    assert eventually(lambda: counted() == expected), counted()


def test_a_destination_shows_the_routes_into_it(deployed: Deployed) -> None:
    answer = deployed.api.get(f"/v1/buckets/{ONE}/summary")
    assert [(one["source"], one["destination"]) for one in answer["destinations"]] == [
        (SOURCE, ONE)
    ]


def test_what_the_schedule_measures_is_what_the_summary_says(deployed: Deployed) -> None:
    functions = deployed.client("lambda").list_functions()["Functions"]
    name = next(
        one["FunctionName"] for one in functions if one["Handler"] == "summarize.handler.handler"
    )
    answer = deployed.client("lambda").invoke(FunctionName=name, Payload=b'{"task": "measure"}')
    measured = json.loads(answer["Payload"].read())
    lags = [summary(deployed, place)["watermark"]["lag_seconds"] for place in (ONE, TWO)]
    assert measured["watermark_lag_seconds"] >= max(lags) - 60


def test_the_doctor_finds_nothing_amiss_with_buckets_the_deployment_wired(
    deployed: Deployed, s3rt: Command
) -> None:
    """What the deployed function read of every bucket, by its own permissions."""
    resources = deployed.client("cloudformation").describe_stack_resources(
        StackName=deploy.STACK_NAME
    )["StackResources"]
    (tick,) = (
        one["PhysicalResourceId"]
        for one in resources
        if one["ResourceType"] == "AWS::Lambda::Function"
        and "Reconcile" in one["LogicalResourceId"]
    )
    answer = deployed.client("lambda").invoke(FunctionName=tick)
    assert "FunctionError" not in answer, answer["Payload"].read()
    inspected = deployed.client("dynamodb").query(
        TableName=deployed.outputs.stack["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "#setups"}},
    )["Items"]
    assert {SOURCE, ONE, TWO} <= {item["sk"]["S"] for item in inspected}
    ended = s3rt("doctor", "--json")
    assert (ended.code, ended.json["items"]) == (0, [])
