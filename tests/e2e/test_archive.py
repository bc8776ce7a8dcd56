"""What the archive kept brings back what the ledger lost, and changes nothing that is right."""

from typing import Any

import pytest

from local import demo_buckets
from replication.aws.table import ledger_item
from replication.s3.version import ObjectVersion
from tests.e2e.conftest import Deployed, eventually
from tests.s3rt.conftest import Command

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


def ledger(deployed: Deployed, version: ObjectVersion) -> list[dict[str, Any]]:
    """The items of a key, as they are stored."""
    found: list[dict[str, Any]] = deployed.client("dynamodb").query(
        TableName=deployed.outputs.stack["TableName"],
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": ledger_item.partition_key(version)}},
        ConsistentRead=True,
    )["Items"]
    return found


def without_doubt(found: Any) -> Any:
    """The answer but for doubt that the next read of the rules ends."""
    if found is None:
        return None
    places = [{**one, "in_doubt": None} for one in found["destinations"]]
    return {**found, "in_doubt": None, "destinations": places}


def replay(s3rt: Command) -> None:
    """From a while ago until after the newest event: the emulator's archive has no delay."""
    ended = s3rt("replay-archive", "--since", "15m", "--until", "2100-01-01T00:00:00Z", "--json")
    assert ended.code == 0, ended
    (told,) = ended.json["replays"]
    assert told["state"] == "COMPLETED"


def test_a_replay_brings_back_what_the_ledger_lost_and_a_second_one_changes_nothing(
    deployed: Deployed, s3rt: Command
) -> None:
    key = "TaxDocs/archived.pdf"
    version = ObjectVersion(demo_buckets.SOURCE, key, deployed.put(key))
    before = without_doubt(deployed.settled(key, version.version_id))
    assert before["replication_status"] == "COMPLETED"
    dynamodb, table = deployed.client("dynamodb"), deployed.outputs.stack["TableName"]
    for item in ledger(deployed, version):
        dynamodb.delete_item(TableName=table, Key={"pk": item["pk"], "sk": item["sk"]})
    assert deployed.known(demo_buckets.SOURCE, key, version.version_id) is None

    replay(s3rt)
    # The arrivals may be processed before the creation.
    again = version.bucket, key, version.version_id
    eventually(lambda: without_doubt(deployed.known(*again)) == before)
    stored = ledger(deployed, version)
    marker = "TaxDocs/after-the-replay.pdf"

    replay(s3rt)
    # What was put after the replay has come through the queue behind it.
    deployed.settled(marker, deployed.put(marker))
    assert ledger(deployed, version) == stored
