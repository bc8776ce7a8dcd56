"""The summarize function as Lambda calls it, over a table and a topic in memory (moto)."""

import json
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import boto3
import pytest
from moto import mock_aws

from replication.aws.clients import client, forget_clients
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.findings import FindingsTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.errors import Unavailable
from replication.s3.bucket_setup import Setup
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.settings import MissingSettings
from replication.times import Instant, plus, wall_clock
from summarize import handler as module
from summarize.summarizer import Summarizer
from summarize.wiring import service
from tests.announce.conftest import record
from tests.query.conftest import TABLE
from tests.support import ledger_table, seeds
from tests.support.seeds import arrived, failed, requested, stored
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

CONTEXT = cast(
    "LambdaContext",
    SimpleNamespace(
        function_name="summarize",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:summarize",
        aws_request_id="lambda-request",
        get_remaining_time_in_millis=lambda: 900_000,
    ),
)
PENDING, FAILED = stored(requested(0)), stored(requested(0), failed(3))
Read = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Read]:
    """What the incident topic told since the last time."""
    for name, value in {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "TABLE_NAME": TABLE,
        "TOPOLOGY_FILE": topology_file("src", "dst-a"),
        "SHARDS": "2",
        "BENIGN_KEYS": "*.tflock",
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(module.metrics.provider, "namespace", "S3ReplicationTracker")
    with mock_aws():
        forget_clients()
        service.cache_clear()
        ledger_table.create(client("dynamodb"), TABLE)
        sns, sqs = client("sns"), boto3.client("sqs", region_name="us-east-1")
        arn = sns.create_topic(Name="incidents")["TopicArn"]
        monkeypatch.setenv("INCIDENT_TOPIC_ARN", arn)
        queue = sqs.create_queue(QueueName="subscriber")["QueueUrl"]
        queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])
        sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn["Attributes"]["QueueArn"])

        def read() -> list[dict[str, Any]]:
            received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
            return [json.loads(message["Body"]) for message in received.get("Messages", [])]

        yield read
    forget_clients()
    service.cache_clear()


@pytest.fixture
def dynamodb(told: Read) -> "DynamoDBClient":
    found: DynamoDBClient = client("dynamodb")
    return found


@pytest.fixture
def events(told: Read, monkeypatch: pytest.MonkeyPatch) -> Read:
    """What the queue of the publisher got since the last time."""
    sqs = boto3.client("sqs", region_name="us-east-1")
    queue = sqs.create_queue(QueueName="events")["QueueUrl"]
    monkeypatch.setenv("EVENT_QUEUE_URL", queue)
    monkeypatch.setenv("EVENT_STATUSES", "FAILED,COMPLETED")
    monkeypatch.setenv("EVENT_BUCKETS", "src")
    service.cache_clear()

    def read() -> list[dict[str, Any]]:
        received = sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in received.get("Messages", [])]

    return read


def summarize(*records: dict[str, Any], **more: Any) -> dict[str, Any]:
    answer: dict[str, Any] = module.handler({"Records": list(records), **more}, CONTEXT)
    return answer


def keep(dynamodb: "DynamoDBClient", since: Instant, rule: dict[str, Any]) -> None:
    """Saves a configuration of one rule, as the recorder does."""
    raw = {"Rules": [rule]}
    revision = Revision(since, parse_configuration(raw))
    RuleRevisionTable(dynamodb, TABLE).append("src", revision, raw)


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_batch_is_counted_and_told(told: Read, dynamodb: "DynamoDBClient") -> None:
    answer = summarize(record(1, PENDING), record(2, FAILED, PENDING), shardId="shardId-1")
    assert answer == {"batchItemFailures": [], "state": {}}
    (totals,) = CounterReads(dynamodb, TABLE, 2).totals("src").values()
    assert +totals == {"FAILED": 1, "FAILED_bytes": 1024}
    (message,) = told()
    body = json.loads(message["Message"])
    assert (body["event"], body["failing"]) == ("opened", 1)
    assert message["MessageAttributes"]["event"]["Value"] == "opened"
    assert message["Subject"].startswith("S3 replication incident opened: src to dst-a")


def test_the_end_of_a_window_is_nothing_to_do(told: Read) -> None:
    answer = summarize(shardId="shardId-1", isFinalInvokeForWindow=True, window={}, state={})
    assert answer == {"batchItemFailures": [], "state": {}}


def test_what_was_counted_is_measured_by_route_and_code(
    told: Read, capsys: pytest.CaptureFixture[str]
) -> None:
    done = stored(requested(0), arrived(3), of=seeds.version("done"))
    summarize(record(1, FAILED, PENDING), record(2, done), shardId="shardId-1")
    summarize(record(1, FAILED, PENDING), record(2, done), shardId="shardId-1")
    printed = lines(capsys)
    routes = [one for one in printed if "SourceBucket" in one]
    assert len(routes) == 3, "and nothing of the second delivery"
    sums, latency, codes = routes
    assert (sums["Created"], sums["Completed"], sums["Failed"]) == (1, 1, 1)
    assert latency["LatencySeconds"]["Counts"] == [1]
    assert latency["LatencySeconds"]["Values"] == [pytest.approx(2.5, rel=0.05)]
    assert (codes["FailureCode"], codes["Failures"]) == ("DstPutObjectNotPermitted", 1)
    for one in routes:
        (directive,) = one["_aws"]["CloudWatchMetrics"]
        assert directive["Namespace"] == "S3ReplicationTracker"
        assert set(directive["Dimensions"][0]) <= set(one)


def test_a_batch_that_cannot_be_counted_comes_again_from_its_first_record(
    told: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise Unavailable("throttled")

    monkeypatch.setattr(Summarizer, "summarize", refuse)
    answer = summarize(record(7, PENDING), record(8, FAILED, PENDING))
    assert answer["batchItemFailures"] == [{"itemIdentifier": "7"}]


def test_the_schedule_measures_how_far_behind_every_destination_is(
    told: Read, dynamodb: "DynamoDBClient", capsys: pytest.CaptureFixture[str]
) -> None:
    since = plus(wall_clock(), -86_400)
    destination = {"Bucket": "arn:aws:s3:::dst-a"}
    rule = {"ID": "rule-a", "Status": "Enabled", "Prefix": "", "Destination": destination}
    keep(dynamodb, since, rule)
    seeds.put(dynamodb, TABLE, FAILED)
    summarize(record(1, FAILED))
    told()
    capsys.readouterr()
    answer = module.handler({"task": "measure"}, CONTEXT)
    assert answer["watermark_lag_seconds"] > 0
    (route,) = (one for one in lines(capsys) if "SourceBucket" in one)
    assert route["WatermarkLagSeconds"] == answer["watermark_lag_seconds"]
    assert (route["PendingVersions"], route["FailedVersions"]) == (0, 1)
    assert told() == [], "an incident that is known is not told again"


def test_the_schedule_counts_what_keeps_the_tracker_from_knowing(
    told: Read, dynamodb: "DynamoDBClient", capsys: pytest.CaptureFixture[str]
) -> None:
    destination = {"Bucket": "arn:aws:s3:::dst-a", "Metrics": {"Status": "Enabled"}}
    rule = {"ID": "rule-a", "Status": "Enabled", "Prefix": "", "Destination": destination}
    keep(dynamodb, plus(wall_clock(), -86_400), rule)
    table = FindingsTable(dynamodb, TABLE)

    def setup(*, eventbridge: bool) -> None:
        found = Setup("Enabled", eventbridge=eventbridge, replication_events=True, kms=False)
        table.note_setup("src", found, wall_clock())

    def counted() -> list[dict[str, Any]]:
        capsys.readouterr()
        module.handler({"task": "measure"}, CONTEXT)
        return [one for one in lines(capsys) if "Findings" in one]

    setup(eventbridge=False)
    (deaf,) = counted()
    assert deaf["Findings"] == [1.0]
    setup(eventbridge=True)
    assert counted()[0]["Findings"] == [0.0]


def test_the_other_schedule_heals_what_was_never_counted(
    told: Read,
    dynamodb: "DynamoDBClient",
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def worked_off(_: float) -> None:
        """The stream comes to the fences while the recount rests."""
        pages = dynamodb.get_paginator("scan").paginate(TableName=TABLE)
        images = [one for page in pages for one in page["Items"] if "#fence#" in one["pk"]["S"]]
        summarize(*({"dynamodb": {"SequenceNumber": "1", "NewImage": one}} for one in images))

    monkeypatch.setattr("time.sleep", worked_off)
    destination = {"Bucket": "arn:aws:s3:::dst-a"}
    rule = {"ID": "rule-a", "Status": "Enabled", "Prefix": "", "Destination": destination}
    keep(dynamodb, wall_clock(), rule)
    seeds.put(dynamodb, TABLE, FAILED)
    answer = module.handler({"task": "recount"}, CONTEXT)
    assert answer == {"recount_right": 0, "recount_healed": 1, "recount_moving": 0}
    assert "counters differ" in caplog.text
    assert module.handler({"task": "recount"}, CONTEXT)["recount_right"] == 1
    (message,) = told()
    assert json.loads(message["Message"])["event"] == "opened", "nobody had heard of the failure"


def test_a_recount_heals_nothing_while_the_stream_is_behind(
    told: Read, dynamodb: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("summarize.wiring.REST_SECONDS", 0)
    destination = {"Bucket": "arn:aws:s3:::dst-a"}
    rule = {"ID": "rule-a", "Status": "Enabled", "Prefix": "", "Destination": destination}
    keep(dynamodb, wall_clock(), rule)
    seeds.put(dynamodb, TABLE, FAILED)
    answer = module.handler({"task": "recount"}, CONTEXT)
    assert answer == {"recount_right": 0, "recount_healed": 0, "recount_moving": 1}
    summarize(record(1, FAILED), shardId="shardId-1")
    (totals,) = CounterReads(dynamodb, TABLE, 2).totals("src").values()
    assert totals["FAILED"] == 1


def test_an_incomplete_environment_names_what_is_missing(
    told: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("INCIDENT_TOPIC_ARN")
    with pytest.raises(MissingSettings, match="INCIDENT_TOPIC_ARN"):
        service()


def test_changes_of_the_statuses_asked_for_go_to_the_publisher(events: Read) -> None:
    done = stored(requested(0), arrived(4))
    elsewhere = stored(requested(0), failed(3), of=seeds.version(bucket="other"))
    batch = (
        record(1, PENDING),
        record(2, FAILED, PENDING),
        record(3, done, PENDING),
        record(4, elsewhere),
    )
    assert summarize(*batch)["batchItemFailures"] == []
    found = events()
    assert sorted(one["status"] for one in found) == ["COMPLETED", "FAILED"]
    assert {one["bucket"] for one in found} == {"src"}
    summarize(*batch)
    assert events() != [], "at least once: a batch that comes again is handed on again"


def test_a_batch_comes_again_when_its_changes_were_not_handed_on(
    events: Read, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_QUEUE_URL", "https://sqs.us-east-1.amazonaws.com/1/gone")
    service.cache_clear()
    assert summarize(record(1, FAILED, PENDING))["batchItemFailures"] != []


@pytest.mark.usefixtures("told")
def test_without_events_nothing_is_handed_on() -> None:
    assert service().summarizer.status_changes is None
