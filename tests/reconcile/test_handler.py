"""The reconcile function as Lambda calls it: ticks plan windows, windows read S3."""

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.rule_revisions import RuleRevisionTable
from replication.aws.windows import encode
from replication.ledger.fact import Fact, Kind
from replication.ledger.index import Route
from replication.ledger.port import Claim
from replication.ledger.schedule import RuleRead, Window
from replication.s3.evidence import Evidence
from replication.s3.rule_history import Revision
from replication.s3.rules import parse_configuration
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant, plus, wall_clock
from tests.replication.aws.table.conftest import dynamodb, table
from tests.support.handlers import CONTEXT, DESTINATION, SOURCE, Aws, records, surroundings

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["dynamodb", "table"]

pytestmark = pytest.mark.e2e

HOUR = 3_600


@pytest.fixture
def aws(
    dynamodb: "DynamoDBClient",
    table: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Aws]:
    variables = {
        "RECONCILE_QUEUE_URL": "",
        "INGEST_QUEUE_ARN": "arn:aws:sqs:us-east-1:123456789012:ingest",
        "OBJECT_EVENT_RULES": "objects",
        "SHARDS": "1",
    }
    with surroundings(dynamodb, table, monkeypatch, variables) as found:
        from reconcile.wiring import service

        service.cache_clear()
        yield found
        service.cache_clear()


def reconcile(event: dict[str, Any]) -> Any:
    from reconcile.handler import handler

    return handler(event, CONTEXT)


def a_pending_version(aws: Aws, since: Instant) -> None:
    """One that S3 does not have: it went before an event said so."""
    fact = Fact(
        kind=Kind.REQUESTED,
        version=ObjectVersion(SOURCE, "k", "v1"),
        destination=DESTINATION,
        at=since,
        evidence=Evidence.OBJECT_CREATED,
        id="created",
        rule_id="all",
    )
    results = DynamoDBLedger(aws.dynamodb, aws.table, 1).write([Claim(fact)])
    assert [str(one) for one in results.values()] == ["Written.WRITTEN"]


def test_a_tick_without_anything_to_do_sends_nothing(aws: Aws) -> None:
    assert reconcile({}) == {"oldest_pending_seconds": None}
    assert aws.sent() == []


def test_a_window_is_worked_off_to_its_end(aws: Aws) -> None:
    since = plus(wall_clock(), -2 * HOUR)
    a_pending_version(aws, since)
    route = Route(SOURCE, DESTINATION, 0)
    window = Window(route, Status.PENDING, plus(since, -1), plus(since, 1))
    assert reconcile(records(encode(window))) == {"batchItemFailures": []}
    (item,) = aws.items()
    assert "deleted_at" in item, "S3 has no such version any more"
    assert aws.sent() == []


def rules_read(aws: Aws, asked_at: Instant, bucket: str = SOURCE) -> Instant | None:
    """When the rules were last read, after they were asked for."""
    ask = encode(RuleRead(bucket, asked_at))
    assert reconcile(records(ask)) == {"batchItemFailures": []}
    known = RuleRevisionTable(aws.dynamodb, aws.table).load(SOURCE)
    return known.read_at if known else None


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_rules_are_read_when_somebody_waits_for_them_and_not_twice(aws: Aws) -> None:
    asked_at = wall_clock()
    assert rules_read(aws, asked_at) is None, "tracking begins with the first read of `record`"
    raw = aws.s3.get_bucket_replication(Bucket=SOURCE)["ReplicationConfiguration"]
    began = plus(asked_at, -HOUR)
    table = RuleRevisionTable(aws.dynamodb, aws.table)
    table.append(SOURCE, Revision(began, parse_configuration(raw), not_before=began), raw)
    read_at = rules_read(aws, asked_at)
    assert read_at
    assert read_at >= asked_at
    assert rules_read(aws, asked_at) == read_at, "they were read after that"
    assert rules_read(aws, wall_clock(), "of-another-deployment") == read_at


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_change_that_is_found_so_is_a_revision(aws: Aws) -> None:
    raw = aws.s3.get_bucket_replication(Bucket=SOURCE)["ReplicationConfiguration"]
    began = plus(wall_clock(), -HOUR)
    table = RuleRevisionTable(aws.dynamodb, aws.table)
    table.append(SOURCE, Revision(began, parse_configuration(raw), not_before=began), raw)
    aws.s3.delete_bucket_replication(Bucket=SOURCE)
    rules_read(aws, wall_clock())
    known = table.load(SOURCE)
    assert known is not None
    assert [len(one.configuration.rules) for one in known.revisions] == [1, 0]


@pytest.mark.filterwarnings("ignore:No application metrics")
def test_a_window_that_cannot_be_read_now_comes_again(
    aws: Aws, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TABLE_NAME", "no-such-table")
    window = Window(Route(SOURCE, DESTINATION, 0), Status.PENDING, wall_clock(), wall_clock())
    later = plus(window.until, 1)
    body = json.loads(encode(window)) | {"until": later}
    assert reconcile(records(body)) == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
