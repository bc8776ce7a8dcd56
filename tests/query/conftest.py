"""The query function as API Gateway calls it, over a table in memory (moto)."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from moto import mock_aws

from query.handler import handler
from query.wiring import service
from replication.aws.clients import client, forget_clients
from replication.aws.table.frontier import FrontierTable
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.ledger.fact import Kind
from replication.ledger.item import LedgerItem
from replication.s3.rule_history import Revision
from replication.s3.rules import Configuration
from replication.times import Instant, plus, wall_clock
from tests.support import ledger_table, seeds
from tests.support.seeds import arrived, failed, requested, stored, version
from tests.support.topology import topology_file

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

TABLE = "ledger"
SHARDS = 2
DESTINATIONS = "dst-a,dst-b,src,mirror"
TRACKING_SINCE = Instant("2026-11-22T09:00:00.000Z")
CONTEXT = cast(
    "LambdaContext",
    SimpleNamespace(
        function_name="query",
        memory_limit_in_mb=1024,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:query",
        aws_request_id="lambda-request",
    ),
)


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        return json.loads(self.text)


def get(path: str, method: str = "GET", /, **parameters: object) -> Answer:
    """One request; a parameter that is a list is given several times."""
    return request(path, method, None, parameters)


def post(path: str, body: object, /, **parameters: object) -> Answer:
    return request(path, "POST", json.dumps(body), parameters)


def request(path: str, method: str, body: str | None, parameters: Mapping[str, object]) -> Answer:
    several = {
        name: [str(one) for one in value] if isinstance(value, list) else [str(value)]
        for name, value in parameters.items()
    }
    event = {
        "resource": "/v1/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": {"Host": "api.example.com", "Content-Type": "application/json"},
        "multiValueHeaders": {"Host": ["api.example.com"]},
        "queryStringParameters": {name: values[-1] for name, values in several.items()} or None,
        "multiValueQueryStringParameters": several or None,
        "pathParameters": {"proxy": path.removeprefix("/v1/")},
        "requestContext": {
            "requestId": "gateway-request",
            "stage": "prod",
            "path": f"/prod{path}",
            "httpMethod": method,
        },
        "body": body,
        "isBase64Encoded": False,
    }
    answer = handler(event, CONTEXT)
    headers = {name.lower(): values[0] for name, values in answer["multiValueHeaders"].items()}
    return Answer(answer["statusCode"], headers, answer["body"])


def assert_problem(
    answer: Answer, status: int, name: str, parameter: str | None = None
) -> dict[str, Any]:
    """The shape of every error, and which one it is. The problem, for its detail."""
    assert answer.status == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["cache-control"] == "no-store"
    problem: dict[str, Any] = answer.json
    assert problem["type"] == f"urn:problem:s3-replication-tracker:{name}"
    assert problem["status"] == status
    assert problem["title"]
    assert problem["detail"]
    assert problem.get("parameter") == parameter
    assert set(problem) <= {"type", "title", "status", "detail", "parameter", "request_id"}
    assert ("request_id" in problem) == (status >= 500)
    assert "Traceback" not in answer.text
    return problem


@pytest.fixture(scope="module")
def aws() -> "Iterator[DynamoDBClient]":
    """One client for the tests of a module: making one costs more than most of them."""
    credentials = {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name, value in credentials.items():
            patch.setenv(name, value)
        patch.delenv("AWS_ENDPOINT_URL", raising=False)
        forget_clients()
        yield client("dynamodb")
    forget_clients()


@pytest.fixture
def dynamodb(aws: "DynamoDBClient", monkeypatch: pytest.MonkeyPatch) -> "Iterator[DynamoDBClient]":
    """Buckets `src` (to dst-a, dst-b and mirror) and `mirror` (back to src), nothing else yet.
    Everything that was there before is listed, and the queue was heard up to a moment ago."""
    for name, value in {
        "POWERTOOLS_SERVICE_NAME": "query",
        "POWERTOOLS_METRICS_NAMESPACE": "S3ReplicationTracker",
        "TABLE_NAME": TABLE,
        "TOPOLOGY_FILE": topology_file("src,mirror", DESTINATIONS),
        "RECONCILE_QUEUE_URL": client("sqs").create_queue(QueueName="reconcile")["QueueUrl"],
        "INCIDENT_TOPIC_ARN": client("sns").create_topic(Name="incidents")["TopicArn"],
        "SHARDS": str(SHARDS),
    }.items():
        monkeypatch.setenv(name, value)
    ledger_table.create(aws, TABLE)
    configure(aws, "src", "dst-a", "dst-b", "mirror")
    configure(aws, "mirror", "src")
    hear(aws)
    yield aws
    service.cache_clear()
    if TABLE in aws.list_tables()["TableNames"]:
        aws.delete_table(TableName=TABLE)


@pytest.fixture
def seed(dynamodb: "DynamoDBClient") -> Callable[..., None]:
    """Puts records into the ledger."""

    def put(*records: LedgerItem) -> None:
        seeds.put(dynamodb, TABLE, *records, shards=SHARDS)

    return put


@pytest.fixture
def mixed(seed: Callable[..., None]) -> None:
    """p1, p2 pending; c completed; f failed (dst-a) and q failed for another reason (dst-b)."""
    seed(
        stored(requested(10), of=version("logs/p1")),
        stored(requested(20, rule_id="rule-b"), of=version("p2"), destination="dst-b"),
        stored(requested(0), arrived(30), of=version("logs/c")),
        stored(requested(0), failed(40), of=version("f")),
        stored(
            requested(0), failed(50, failure_code="X"), of=version("logs/q"), destination="dst-b"
        ),
        stored(requested(0), (Kind.DELETED, 60), of=version("gone")),
    )


def configure(
    dynamodb: "DynamoDBClient", bucket: str, *destinations: str, since: Instant = TRACKING_SINCE
) -> None:
    """Saves a configuration with one rule for each destination, as the recorder does."""
    rules = [
        {
            "ID": f"to-{destination}",
            "Status": "Enabled",
            "Priority": number,
            "Filter": {"Prefix": ""},
            "DeleteMarkerReplication": {"Status": "Enabled"},
            "Destination": {
                "Bucket": f"arn:aws:s3:::{destination}",
                "Metrics": {"Status": "Enabled"},
                "ReplicationTime": {"Status": "Enabled", "Time": {"Minutes": 15}},
            },
        }
        for number, destination in enumerate(destinations, start=1)
    ]
    kept = RuleRevisionTable(dynamodb, TABLE)
    kept.append(bucket, Revision(since, Configuration(())), {"Rules": rules})
    kept.note_read(bucket, wall_clock())
    kept.note_listed(bucket, since)
    service.cache_clear()


def hear(dynamodb: "DynamoDBClient", seconds_ago: float = 60) -> None:
    """A refresh message that was sent so long ago was worked off."""
    FrontierTable(dynamodb, TABLE, wall_clock).advance(plus(wall_clock(), -seconds_ago))
    service.cache_clear()


def forget(dynamodb: "DynamoDBClient", pk: str, sk: str) -> None:
    """Something that was noted was not."""
    dynamodb.delete_item(TableName=TABLE, Key={"pk": {"S": pk}, "sk": {"S": sk}})
    service.cache_clear()
