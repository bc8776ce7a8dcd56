"""The function as Lambda calls it."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from replication.aws.clients import forget_clients
from replication.aws.s3.rule_histories import S3RuleHistories
from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.ledger_item import read_item
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.port import Claim
from replication.published.backfill import RunState
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import Instant
from tests.backfill.conftest import World, rows
from tests.support.deliveries import URI, put_inventory
from tests.support.seeds import version
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

CONTEXT = SimpleNamespace(
    function_name="service",
    memory_limit_in_mb=1769,
    invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:backfill",
    aws_request_id="request",
    get_remaining_time_in_millis=lambda: 300_000,
)


@pytest.fixture
def called(
    world: World, dynamodb: "DynamoDBClient", table: str, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Any]:
    """Calls the handler with bodies. S3 and SQS are moto's; the table is the emulator's, because
    moto's PartiQL takes no map for a parameter."""
    world.dynamodb, world.table = dynamodb, table
    for name, value in {
        "AWS_ENDPOINT_URL_DYNAMODB": dynamodb.meta.endpoint_url,
        "TABLE_NAME": table,
        "TOPOLOGY_FILE": topology_file("src"),
        "BACKFILL_QUEUE_URL": world.queue_url,
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
        "POWERTOOLS_SERVICE_NAME": "service",
    }.items():
        monkeypatch.setenv(name, value)
    # Powertools reads the environment when the handler is imported.
    from backfill.handler import handler
    from backfill.wiring import service

    forget_clients()
    service.cache_clear()

    def call(*bodies: str) -> Any:
        records = [{"messageId": f"m{n}", "body": body} for n, body in enumerate(bodies)]
        return handler({"Records": records}, CONTEXT)

    yield call
    forget_clients()
    service.cache_clear()


def track(world: World) -> None:
    """A source bucket whose only rule goes to `dst`."""
    for name in ("src", "dst"):
        world.s3.create_bucket(Bucket=name)
        world.s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    world.s3.put_bucket_replication(
        Bucket="src",
        ReplicationConfiguration={
            "Role": "arn:aws:iam::123456789012:role/replication",
            "Rules": [
                {
                    "ID": "all",
                    "Status": "Enabled",
                    "Priority": 1,
                    "Filter": {"Prefix": ""},
                    "DeleteMarkerReplication": {"Status": "Disabled"},
                    "Destination": {"Bucket": "arn:aws:s3:::dst"},
                }
            ],
        },
    )


@pytest.mark.e2e
def test_a_manifest_then_its_files_leave_the_queue_and_are_in_the_table(
    world: World, called: Any
) -> None:
    track(world)
    put_inventory(world.s3, rows(3, status="FAILED"))
    asked = {"manifest": URI, "rules_since": "2026-10-01T00:00:00Z"}
    assert called(json.dumps(asked)) == {"batchItemFailures": []}
    (message,) = world.receive()
    assert called(message["Body"]) == {"batchItemFailures": []}
    assert world.progress.state is RunState.FINISHED
    items = world.dynamodb.query(
        TableName=world.table,
        KeyConditionExpression="pk = :pk",
        ExpressionAttributeValues={":pk": {"S": "src/k1"}},
    )["Items"]
    assert [(item["status"], item["rule_id"]) for item in items] == [
        ({"S": "FAILED"}, {"S": "all"})
    ]


@pytest.mark.e2e
def test_only_what_must_come_again_comes_again(
    world: World, called: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rules may not be read, and nobody ever read them."""
    refusal = ClientError(
        {"Error": {"Code": "AccessDenied", "Message": "no"}}, "GetBucketReplication"
    )
    monkeypatch.setattr(S3RuleHistories, "_read", Mock(side_effect=refusal))
    put_inventory(world.s3, rows(3))
    started = json.dumps({"manifest": URI})
    assert called("nonsense", started) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    (message,) = world.receive()
    assert called(message["Body"]) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert "s3:GetReplicationConfiguration" in world.progress.troubles[0]


def test_settings_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    from backfill.wiring import service
    from replication.settings import MissingSettings

    service.cache_clear()
    for name in ("TABLE_NAME", "TOPOLOGY_FILE", "BACKFILL_QUEUE_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(MissingSettings, match="BACKFILL_QUEUE_URL"):
        service()


@pytest.mark.e2e
def test_the_ledger_is_the_same_however_often_a_run_is_repeated_and_whatever_was_there(
    world: World, dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    """Both ways of the ledger: INSERT where nothing is, read and fold where something is."""
    world.dynamodb, world.table, world.ledger = dynamodb, table, ledger
    arrival = Fact(
        Kind.REQUESTED,
        version("k7"),
        "dst",
        Instant("2026-11-01T08:30:00.123Z"),
        Evidence.OBJECT_CREATED,
        "live",
        size=9,
    )
    ledger.write([Claim(arrival)])
    put_inventory(world.s3, rows(60))
    world.start()
    world.start()
    world.work(seconds_left=10)
    items = {item["pk"]["S"]: item for item in dynamodb.scan(TableName=table)["Items"]}
    stored = {key: read_item(item) for key, item in items.items() if key.startswith("src/")}
    assert len(stored) == 60
    assert {one.record.state.status for one in stored.values()} == {Status.COMPLETED}
    assert {key: len(one.record.facts) for key, one in stored.items()} == {
        f"src/k{n}": 2 if n == 7 else 1 for n in range(60)
    }
    for one in stored.values():
        assert fold(one.record.facts) == one.record
    assert stored["src/k7"].record.state.size == 9
    assert world.progress.counts == {"completed": 60}
