"""Buckets in other Regions and accounts: home in one Region, collectors in a second one and in two
Regions of a second account, with IAM's policies enforced."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from local import s3_control, stack
from local.demo_buckets import client, rule
from local.emulator import server
from local.places import HOME, Place
from replication.aws.table import ledger_item
from replication.s3.version import ObjectVersion
from s3rt.api import Api
from tests.e2e.conftest import Deployed, Inbox, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

WEST = Place(HOME.account, "eu-west-1")
THEIR_EAST = Place("222222222222", HOME.region)
THEIR_WEST = Place("222222222222", "eu-west-1")

OURS = "tracker-regions-orders"
COPIES = {
    "tracker-regions-copy-west": WEST,
    "tracker-regions-copy-their-east": THEIR_EAST,
    "tracker-regions-copy-their-west": THEIR_WEST,
}
THEIRS, FROM_THEM = "tracker-regions-theirs", "tracker-regions-from-them"
"""A source of the other account, in the second Region, and its destination at home."""

UNDECLARED = "tracker-regions-undeclared"
"""In the second Region, and not in the tracker's file."""


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("regions")
    replication = {
        OURS: [
            *(rule(copy, copy, priority=n, prefix="docs/") for n, copy in enumerate(COPIES)),
            rule("undeclared", UNDECLARED, priority=9, prefix="undeclared/"),
        ],
        THEIRS: [rule("home", FROM_THEM, priority=1)],
    }
    outputs = stack.up(
        port=server.free_port(),
        state_dir=state,
        replication=replication,
        places={**COPIES, THEIRS: THEIR_WEST, UNDECLARED: WEST},
        undeclared=[UNDECLARED],
        # S3 takes seconds to replicate: the event of a write is read before that of its arrival.
        settings={**stack.ENFORCED, "LOCAL_S3_REPLICATION_DELAY_SECONDS": "10"},
        tied=True,
    )
    session = boto3.Session(HOME.account, "test", region_name=HOME.region)
    try:
        with Api.at(outputs.api_url, outputs.region, session) as api:
            yield Deployed(outputs, api, session)
    finally:
        stack.down(state)


def heads(regions: Deployed) -> dict[str, int]:
    """HEAD requests for objects, by bucket."""
    url = f"{regions.outputs.endpoint_url}/_local/s3"
    with urllib.request.urlopen(url) as answer:  # noqa: S310
        found: dict[str, int] = json.load(answer)["heads"]
    return found


def put(regions: Deployed, bucket: str, key: str, place: Place) -> str:
    s3 = client("s3", regions.outputs.endpoint_url, place)
    return str(s3.put_object(Bucket=bucket, Key=key, Body=b"hello")["VersionId"])


def test_arrivals_elsewhere_are_events_and_need_no_head(regions: Deployed) -> None:
    for bucket, place in ((OURS, HOME), (THEIRS, THEIR_WEST)):
        regions.settled("docs/first", put(regions, bucket, "docs/first", place), bucket)
    before = heads(regions)
    written = {
        (bucket, f"docs/{number}"): put(regions, bucket, f"docs/{number}", place)
        for bucket, place in ((OURS, HOME), (THEIRS, THEIR_WEST))
        for number in range(5)
    }
    for (bucket, key), version_id in written.items():
        answer = regions.settled(key, version_id, bucket)
        assert answer["replication_status"] == "COMPLETED"
        found = {one["bucket"]: one for one in answer["destinations"]}
        assert found.keys() == ({*COPIES} if bucket == OURS else {FROM_THEM})
        assert {one["evidence"] for one in found.values()} == {"replica_created"}
        assert all(one["latency_seconds"] is not None for one in found.values())
    assert heads(regions) == before


def test_a_failure_of_a_source_in_another_account_is_announced(regions: Deployed) -> None:
    inbox = Inbox(regions, regions.subscribed("FailureTopicArn", "regions-inbox"))
    key = f"fail-DstPutObjectNotPermitted@{FROM_THEM}/contract.pdf"
    version_id = put(regions, THEIRS, key, THEIR_WEST)
    (destination,) = regions.settled(key, version_id, THEIRS)["destinations"]
    assert destination["evidence"] == "replication_event"
    assert destination["failure"]["code"] == "DstPutObjectNotPermitted"
    (message,) = eventually(lambda: inbox.about(key))
    assert json.loads(message["Message"])["version_id"] == version_id


def test_what_failed_in_another_account_is_redriven_there(regions: Deployed) -> None:
    """By a job of that account; a report comes back, and the events of the arrivals."""
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:ReplicateObject",
        "Resource": f"arn:aws:s3:::{FROM_THEM}/*",
    }
    s3 = regions.client("s3")
    policy = json.loads(s3.get_bucket_policy(Bucket=FROM_THEM)["Policy"])
    broken = {**policy, "Statement": [*policy["Statement"], deny]}
    s3.put_bucket_policy(Bucket=FROM_THEM, Policy=json.dumps(broken))
    keys = [f"docs/redriven/{number}" for number in range(3)]
    written = {key: put(regions, THEIRS, key, THEIR_WEST) for key in keys}
    for key, version in written.items():
        assert regions.settled(key, version, THEIRS)["replication_status"] == "FAILED"
    s3.put_bucket_policy(Bucket=FROM_THEM, Policy=json.dumps(policy))
    probe = put(regions, THEIRS, "docs/probe", THEIR_WEST)
    assert regions.settled("docs/probe", probe, THEIRS)["replication_status"] == "COMPLETED"

    plan_id = regions.api.post(
        "/v1/redrives", {"bucket": THEIRS, "prefix": "docs/redriven/", "force": True}
    )["id"]

    def shown() -> Any:
        return regions.api.get(f"/v1/redrives/{plan_id}")

    eventually(lambda: shown()["state"] != "planning")
    plan = shown()
    assert (plan["state"], plan["versions"]) == ("planned", 3), plan
    regions.api.post("/v1/redrives", {"dry_run": False, "plan_id": plan_id})
    eventually(lambda: shown()["ended_at"], 120)
    done = shown()
    assert done["state"] == "completed", done
    (job,) = done["jobs"]
    assert (job["succeeded"], job["failed"]) == (3, 0)
    assert f"-{THEIR_WEST.account}-{THEIR_WEST.region}-" in job["report"]
    control = s3_control.client(regions.outputs.endpoint_url, THEIR_WEST)
    listed = control.list_jobs(AccountId=THEIR_WEST.account)["Jobs"]
    assert [one["JobId"] for one in listed] == [job["job_id"]]
    for key, version in written.items():

        def history(key: str = key, version: str = version) -> bool:
            transitions = regions.known(THEIRS, key, version)["transitions"]
            return {"batch_report", "replica_created"} <= {one["evidence"] for one in transitions}

        assert eventually(history)
        assert regions.known(THEIRS, key, version)["replication_status"] == "COMPLETED"


def test_versions_elsewhere_are_read_by_the_role_of_their_place(regions: Deployed) -> None:
    """Here of a version that the ledger has lost: its event makes the recorder read S3."""
    s3 = client("s3", regions.outputs.endpoint_url, THEIR_WEST)
    version_id = put(regions, THEIRS, "docs/lost", THEIR_WEST)
    regions.settled("docs/lost", version_id, THEIRS)
    before = heads(regions)
    dynamodb = regions.client("dynamodb")
    table = regions.outputs.stack["TableName"]
    pk = ledger_item.partition_key(ObjectVersion(THEIRS, "docs/lost", version_id))
    items = dynamodb.query(
        TableName=table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": pk}},
    )["Items"]
    for item in items:
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert regions.known(THEIRS, "docs/lost", version_id) is None
    s3.put_object_tagging(
        Bucket=THEIRS, Key="docs/lost", VersionId=version_id, Tagging={"TagSet": []}
    )
    answer = regions.settled("docs/lost", version_id, THEIRS)
    # The rules were not read since it was written, unless a minute has passed meanwhile.
    assert answer["in_doubt"] or answer["replication_status"] == "COMPLETED"
    assert heads(regions)[THEIRS] > before.get(THEIRS, 0)


def test_the_doctor_says_which_destination_has_no_collector(regions: Deployed) -> None:
    found = {
        (one["bucket"], one["check"]): one["finding"]
        for one in regions.api.get("/v1/doctor")["items"]
    }
    assert UNDECLARED in found.pop((OURS, "destination"))
    assert found == {}, "and nothing else is wrong"


def test_the_archives_of_collectors_are_replayed(regions: Deployed, tmp_path: Path) -> None:
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(regions.outputs.to_json()))
    ended = Command(file)(
        "replay-archive", "--since", "15m", "--until", "2100-01-01T00:00:00Z", "--json"
    )
    assert ended.code == 0, ended
    assert ended.json["unreached"] == {}
    places = sorted(one["archive"].split(":")[3:5] for one in ended.json["replays"])
    expected = [HOME, WEST, THEIR_EAST, THEIR_WEST]
    assert places == sorted([place.region, place.account] for place in expected)
    assert {one["state"] for one in ended.json["replays"]} == {"COMPLETED"}
