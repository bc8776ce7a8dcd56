"""Buckets in other Regions and accounts: home in one Region, collectors in a second one and in two
Regions of a second account, everybody held to IAM's policies."""

import json
import urllib.request
from collections.abc import Iterator

import boto3
import pytest

from local import stack
from local.demo_buckets import client, rule
from local.emulator import server
from local.places import HOME, Place
from s3rt.api import Api
from tests.e2e.conftest import Deployed

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

UNTOLD = "tracker-regions-untold"
"""In the second Region, and nobody has told the tracker."""


@pytest.fixture(scope="module")
def regions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployed]:
    state = tmp_path_factory.mktemp("regions")
    replication = {
        OURS: [
            rule(copy, copy, priority=number, prefix="docs/") for number, copy in enumerate(COPIES)
        ],
        THEIRS: [rule("home", FROM_THEM, priority=1)],
    }
    outputs = stack.up(
        port=server.free_port(),
        state_dir=state,
        replication=replication,
        places={**COPIES, THEIRS: THEIR_WEST},
        settings=stack.ENFORCED,
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
    before = heads(regions)
    written = {f"docs/{number}": "" for number in range(5)}
    for key in written:
        written[key] = put(regions, OURS, key, HOME)
    theirs = {
        f"docs/{number}": put(regions, THEIRS, f"docs/{number}", THEIR_WEST) for number in range(5)
    }
    for source, keys, copies in (
        (OURS, written, set(COPIES)),
        (THEIRS, theirs, {FROM_THEM}),
    ):
        for key, version_id in keys.items():
            answer = regions.settled(key, version_id, source)
            assert answer["replication_status"] == "COMPLETED"
            found = {one["bucket"]: one for one in answer["destinations"]}
            assert found.keys() == copies
            assert {one["evidence"] for one in found.values()} == {"replica_created"}
            assert all(one["latency_seconds"] is not None for one in found.values())
    assert heads(regions) == before
