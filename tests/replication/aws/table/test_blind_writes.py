"""Writes that read nothing are the fold, and are refused where they would not be."""

from typing import TYPE_CHECKING, Any

import pytest

from replication.aws.table.ledger import DynamoDBLedger
from replication.aws.table.ledger_item import item_of
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, Written
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.times import plus
from tests.replication.aws.table.conftest import SHARDS
from tests.replication.aws.table.test_ledger import (
    ANY,
    START,
    expected,
    fact,
    fresh,
    in_table,
    moved,
    requests_of,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e


@pytest.mark.parametrize(
    "later",
    [
        fact(Kind.CHANGED, ANY, 3),
        fact(Kind.VERDICT, ANY, 3, status=Status.PENDING),
        fact(Kind.FAILED, ANY, 3, failure_code="X", requested_at=plus(START, 2)),
        fact(Kind.OBSERVED, ANY, 3, status=Status.COMPLETED),
        fact(Kind.THRESHOLD_MISSED, ANY, 3),
        fact(Kind.NOTED, ANY, 3),
    ],
    ids=lambda one: one.kind,
)
@pytest.mark.parametrize("arrived", [True, False])
def test_what_a_fact_does_that_needs_the_state_is_read_first(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, later: Fact, arrived: bool
) -> None:
    version = fresh()
    life = [fact(Kind.REQUESTED, version), *([fact(Kind.ARRIVED, version, 1)] if arrived else [])]
    for one in life:
        ledger.write([Claim(one)])
    (last,) = moved([later], version)
    with requests_of(dynamodb) as calls:
        assert list(ledger.write([Claim(last)]).values()) == [Written.WRITTEN]
    assert calls == ["GetItem", "PutItem"]
    assert in_table(dynamodb, table, version) == expected([*life, last], version)


_ASSUMPTIONS: dict[str, tuple[list[tuple[Kind, float, dict[str, Any]]], set[Kind]]] = {
    "pending": ([(Kind.REQUESTED, 0, {})], {Kind.ARRIVED}),
    "completed": ([(Kind.REQUESTED, 0, {}), (Kind.ARRIVED, 1, {})], {Kind.REPLICA_DELETED}),
    "lost": (
        [(Kind.REQUESTED, 0, {}), (Kind.ARRIVED, 1, {}), (Kind.REPLICA_DELETED, 2, {})],
        set(),
    ),
    "failed": ([(Kind.REQUESTED, 0, {}), (Kind.FAILED, 1, {"failure_code": "X"})], set()),
    "possible": ([(Kind.POSSIBLE, 0, {})], set()),
    "ruled out": (
        [(Kind.REQUESTED, 0, {}), (Kind.OBSERVED, 1, {"status": None})],
        set(),
    ),
    "tagged": (
        [
            (Kind.REQUESTED, 0, {}),
            (Kind.ARRIVED, 1, {}),
            (Kind.VERDICT, 2, {"status": Status.PENDING}),
        ],
        {Kind.ARRIVED, Kind.REPLICA_DELETED},
    ),
}


@pytest.mark.parametrize("before", _ASSUMPTIONS)
@pytest.mark.parametrize("kind", [Kind.ARRIVED, Kind.REPLICA_DELETED, Kind.DELETED])
@pytest.mark.parametrize("days", [0, 30])
def test_a_blind_write_is_the_fold_and_is_refused_where_it_would_not_be(
    dynamodb: "DynamoDBClient", table: str, before: str, kind: Kind, days: int
) -> None:
    """With and without an expiry of COMPLETED versions, which each write gives or takes away."""
    ledger = DynamoDBLedger(dynamodb, table, SHARDS, completed_days=days)
    told, blind = _ASSUMPTIONS[before]
    version = fresh()
    life = [fact(one, version, seconds, **more) for one, seconds, more in told]
    ledger.write([Claim(one) for one in life])
    last = fact(kind, version, 9, evidence=Evidence.REPLICA_CREATED)
    with requests_of(dynamodb) as calls:
        assert list(ledger.write([Claim(last)]).values()) == [Written.WRITTEN]
    wanted = item_of(LedgerItem(version, "dst", fold([*life, last])), SHARDS, days)
    assert in_table(dynamodb, table, version) == wanted
    # One without a status is closed to blind writes altogether.
    open_ended = before not in ("possible", "ruled out")
    is_blind = open_ended and (kind in blind or kind is Kind.DELETED)
    assert calls == ["BatchExecuteStatement", *([] if is_blind else ["GetItem", "PutItem"])]
