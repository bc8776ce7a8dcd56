"""Rule ids and codes of any length S3 allows are counted, and read back as they are."""

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

import pytest

from replication.aws.table import counter_item
from replication.aws.table.counter_reads import CounterReads
from replication.aws.table.counter_writes import CounterTable
from replication.aws.table.incident_reads import IncidentReads, open_key
from replication.aws.table.incident_writes import IncidentTable, incident_id
from replication.aws.table.keys import SORT_KEY_BYTES
from replication.counters.counter import Change, Deltas, FailureKind, Totals
from replication.counters.incident import Incident
from replication.times import Instant
from tests.replication.aws.table.conftest import SHARDS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

NOW = Instant("2026-11-22T10:30:00.000Z")
DISK = "\N{FLOPPY DISK}"
RULES = ["", "rule-a", "r" * 255, DISK * 255, DISK * 254 + "a", "#" * 255, "!" + "0" * 32]
CODES = ["", "DstBucketNotFound", "X" * 128, DISK * 128, "#!/%" * 32]
BUCKET = "b" * 63


def troubles() -> list[FailureKind]:
    return [
        FailureKind(BUCKET, BUCKET, rule, code, benign)
        for rule, code, benign in product(RULES, CODES, (False, True))
    ]


def keys(trouble: FailureKind) -> list[str]:
    totals = Totals(trouble.bucket, trouble.destination, trouble.rule_id)
    items = counter_item.key_of(trouble, 0), counter_item.key_of(totals, 0), open_key(trouble)
    return [item["sk"]["S"] for item in items]


def test_no_key_is_longer_than_dynamodb_takes_and_none_is_shared() -> None:
    for trouble in troubles():
        assert max(len(one.encode()) for one in keys(trouble)) <= SORT_KEY_BYTES
    of_kinds = [(keys(one)[0], keys(one)[2]) for one in troubles()]
    assert len(set(of_kinds)) == len({one for one, _ in of_kinds}) == len(troubles())
    assert len({keys(one)[1] for one in troubles()}) == len(RULES)


def test_keys_that_fit_are_what_they_were() -> None:
    trouble = FailureKind("src", "dst", "rule-a", "Dst#X", benign=False)
    assert keys(trouble) == ["0#Dst%23X#rule-a", "dst#rule-a", "src#dst#0#Dst%23X#rule-a"]
    longest = Totals("src", "dst", "r" * 1_020)
    assert counter_item.key_of(longest, 0)["sk"]["S"] == "dst#" + "r" * 1_020
    assert counter_item.digest_of(trouble) == "61dd01d4"


@pytest.mark.e2e
def test_what_is_counted_under_long_names_is_read_under_them(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    counters = CounterTable(dynamodb, table, SHARDS)
    reads = CounterReads(dynamodb, table, SHARDS)
    amounts: Deltas = {
        trouble: Counter(failing=number, failing_bytes=7 * number, failures=number)
        for number, trouble in enumerate(troubles(), 1)
    }
    totals: Deltas = {
        Totals(BUCKET, BUCKET, rule): Counter(PENDING=n, PENDING_bytes=n)
        for n, rule in enumerate(RULES, 1)
    }
    for shard in ("shardId-1", "shardId-2"):
        counters.apply(shard, [Change("1", {**amounts, **totals})])
        counters.apply(shard, [Change("2", dict(amounts))])
    four = {
        view: Counter({name: 4 * n for name, n in one.items()}) for view, one in amounts.items()
    }
    assert reads.failure_kinds(BUCKET, BUCKET) == four
    assert all(reads.failure_kind(one) == four[one] for one in troubles())
    assert reads.totals(BUCKET) == {view: one + one for view, one in totals.items()}


@pytest.mark.e2e
def test_incidents_of_long_names_are_kept_apart_and_found(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    incidents, reads = IncidentTable(dynamodb, table), IncidentReads(dynamodb, table)
    made = [Incident(incident_id(one, NOW), one, NOW, NOW, NOW) for one in troubles()]
    for one in made:
        assert incidents.save(one, 0)
        assert incidents.load(one.kind) == (one, 1)
    assert set(reads.open_of(BUCKET, BUCKET)) == set(made)
    assert all(reads.find(one.id) == one for one in made)
