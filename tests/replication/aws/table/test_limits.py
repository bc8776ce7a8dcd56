"""An item keeps so many facts and no more, whichever path wrote them."""

import random
from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from replication.aws.table import ledger_item
from replication.aws.table.ledger import DynamoDBLedger
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.port import Claim, Written
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from tests.replication.aws.table.test_ledger import expected, fact, fresh, in_table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

pytestmark = pytest.mark.e2e

FEW = 12


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> int:
    """Items of a dozen facts, so that every order can be tried."""
    monkeypatch.setattr(ledger_item, "MOST_FACTS", FEW)
    return FEW


def kept(client: "DynamoDBClient", table: str, version: ObjectVersion) -> LedgerItem:
    return ledger_item.read_item(in_table(client, table, version))


def changes(version: ObjectVersion, number: int, first: int = 0) -> list[Fact]:
    return [fact(Kind.CHANGED, version, n, id=f"n{n}") for n in range(first, first + number)]


def test_one_with_very_many_facts_stays_writable_and_says_how_many_it_folded_away(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    version = fresh()
    facts = changes(version, ledger_item.MOST_FACTS + 1)
    ledger.write([Claim(fact(Kind.REQUESTED, version, -1, size=5))])
    ledger.write([Claim(one) for one in facts])
    too_old = Claim(fact(Kind.ARRIVED, version, -0.5))
    assert list(ledger.write([too_old]).values()) == [Written.KNOWN]
    stored = kept(dynamodb, table, version)
    assert len(stored.record.facts) == ledger_item.MOST_FACTS == 400
    assert stored.base_facts + len(stored.record.facts) == len(facts) + 1
    assert (stored.record.state.size, stored.record.state.status) == (5, Status.PENDING)
    ledger.write([Claim(fact(Kind.ARRIVED, version, 10_000))])
    assert in_table(dynamodb, table, version)["status"] == {"S": "COMPLETED"}
    assert len(kept(dynamodb, table, version).record.facts) == ledger_item.MOST_FACTS


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_one_by_one_or_in_batches_it_never_has_more(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, few: int, batch: int
) -> None:
    version = fresh()
    ledger.write([Claim(fact(Kind.REQUESTED, version, -1))])
    facts = changes(version, 40)
    for start in range(0, len(facts), batch):
        ledger.write([Claim(one) for one in facts[start : start + batch]])
        assert len(kept(dynamodb, table, version).record.facts) <= few
    stored = kept(dynamodb, table, version)
    assert stored.record.facts == tuple(facts[-few:])
    assert stored.base_facts == 1 + len(facts) - few


@pytest.mark.parametrize("before", range(FEW - 6, FEW + 1))
def test_blind_writes_at_its_edge_neither(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, few: int, before: int
) -> None:
    """They read nothing, so they cannot fold anything away: an item that is nearly full refuses
    them."""
    version = fresh()
    life = [fact(Kind.REQUESTED, version, -100), *changes(version, before - 1, first=-99)]
    ledger.write([Claim(one) for one in life])
    for kind, seconds in ((Kind.ARRIVED, 1), (Kind.REPLICA_DELETED, 2), (Kind.DELETED, 3)):
        one = fact(kind, version, seconds, evidence=Evidence.REPLICA_CREATED)
        assert list(ledger.write([Claim(one)]).values()) == [Written.WRITTEN]
        life.append(one)
        assert len(kept(dynamodb, table, version).record.facts) <= few
    state = kept(dynamodb, table, version).record.state
    assert state == fold(life).state


def test_in_any_order_it_is_the_same_up_to_that_many(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, few: int
) -> None:
    rng = random.Random(12)

    def life(version: ObjectVersion) -> list[Fact]:
        return [
            fact(Kind.REQUESTED, version, 0, size=5),
            fact(Kind.FAILED, version, 2, failure_code="A"),
            *changes(version, 3, first=3),
            fact(Kind.VERDICT, version, 4, id="n4", status=Status.PENDING),
            fact(Kind.THRESHOLD_MISSED, version, 6),
            fact(Kind.ARRIVED, version, 7),
            fact(Kind.OBSERVED, version, 8, status=Status.PENDING),
            fact(Kind.FAILED, version, 9, failure_code="B"),
            fact(Kind.ARRIVED, version, 10),
            fact(Kind.REPLICA_DELETED, version, 11),
        ]

    for _ in range(12):
        version = fresh()
        facts = life(version)
        assert len(facts) == few
        waiting = rng.sample(facts, len(facts)) + rng.sample(facts, 3)
        while waiting:
            size = rng.randint(1, 4)
            batch, waiting = waiting[:size], waiting[size:]
            ledger.write([Claim(one) for one in batch])
        assert in_table(dynamodb, table, version) == expected(facts, version)


def test_what_it_folded_away_is_known_in_the_state_and_not_taken_again(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger, few: int
) -> None:
    version = fresh()
    life = [
        fact(Kind.REQUESTED, version, 0, size=5),
        fact(Kind.FAILED, version, 1, failure_code="A"),
        *changes(version, few, first=2),
    ]
    for one in life:
        ledger.write([Claim(one)])
    stored = kept(dynamodb, table, version)
    assert (stored.record.state.status, stored.record.state.size) == (Status.FAILED, 5)
    assert stored.base_until is not None
    assert life[1].order <= stored.base_until
    before = in_table(dynamodb, table, version)
    for one in life[:2]:
        assert list(ledger.write([Claim(one)]).values()) == [Written.KNOWN]
    assert in_table(dynamodb, table, version) == before


def test_its_size_stays_far_from_what_dynamodb_takes(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    """Facts as they really are: about 60 KB of 400 KB."""
    version = fresh("k" * 900)
    facts = [
        fact(
            Kind.CHANGED,
            version,
            n,
            id=f"5f9c2a1e-0000-4000-8000-{n:012d}",
            evidence=Evidence.OBJECT_CHANGED,
            detail="Object Tags Added",
        )
        for n in range(ledger_item.MOST_FACTS + 40)
    ]
    _write(ledger, [fact(Kind.REQUESTED, version, -1), *facts])
    item = in_table(dynamodb, table, version)
    assert sum(name.startswith("f#") for name in item) == ledger_item.MOST_FACTS
    assert len(str(item)) < 130_000


def _write(ledger: DynamoDBLedger, facts: Sequence[Fact]) -> None:
    for start, end in pairwise([*range(0, len(facts), 100), len(facts)]):
        ledger.write([Claim(one) for one in facts[start:end]])
