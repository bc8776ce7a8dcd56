"""The table has the keys and indexes that the functions' code uses, and is hard to lose."""

import json
from collections.abc import Collection
from dataclasses import fields, replace

import pytest

from replication.aws.table import ledger_item
from replication.aws.table.keys import INDEX, LACKING_INDEX
from replication.counters.counter import BenignKeys, deltas, image_of
from replication.ledger.item import LedgerItem
from replication.ledger.state import Record, State
from replication.published.row import AsOf, row
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.infra.synthesized import Synthesized, synthesize


def test_the_table_has_the_keys_the_code_writes(stack: Synthesized) -> None:
    assert {key["KeyType"]: key["AttributeName"] for key in stack.table["KeySchema"]} == {
        "HASH": "pk",
        "RANGE": "sk",
    }
    attributes = stack.table["AttributeDefinitions"]
    assert {item["AttributeName"]: item["AttributeType"] for item in attributes} == {
        "pk": "S",
        "sk": "S",
        "route": "S",
        "position": "S",
        "held": "S",
    }


AT = [Instant(f"2026-01-0{day}T00:00:00.000Z") for day in range(1, 8)]
KNOWN = State(
    status=Status.COMPLETED,
    since=AT[2],
    evidence=Evidence.OBJECT_CREATED,
    rule_id="rule",
    requested_at=AT[0],
    observed_at=AT[3],
    failure_code="AssumeRoleNotPermitted",
    late=True,
    created_at=AT[0],
    size=7,
    etag="etag",
    sequencer="sequencer",
    arrived_at=AT[2],
    lost_at=AT[4],
    failed_at=AT[1],
    quiet=True,
    retention="retention",
)
STATES = (
    KNOWN,
    replace(KNOWN, status=Status.PENDING),
    replace(KNOWN, status=Status.FAILED),
    replace(KNOWN, status=None, in_doubt=True),
    replace(KNOWN, status=Status.FAILED, in_doubt=True),
)
"""With as many attributes as possible, so that each is missed where an index lacks it."""


def shown(state: State, projected: Collection[str]) -> object:
    """What lists, counters and watermarks make of a version's entry in an index."""
    version = ObjectVersion("bucket", "key", "id")
    item = ledger_item.item_of(LedgerItem(version, "destination", Record(state)), shards=1)
    entry = {name: item[name] for name in ("pk", "sk", *projected) if name in item}
    stored = ledger_item.read_item(entry)
    return (
        row(stored, AsOf(AT[6])),
        deltas(None, image_of(stored, listed=True), BenignKeys(())),
        stored.record.state.outstanding_since,
    )


@pytest.mark.parametrize(("name", "sort_key"), [(INDEX, "position"), (LACKING_INDEX, "held")])
def test_each_index_carries_what_lists_show(stack: Synthesized, name: str, sort_key: str) -> None:
    assert len(stack.table["GlobalSecondaryIndexes"]) == 2
    index = stack.index(name)
    assert {key["KeyType"]: key["AttributeName"] for key in index["KeySchema"]} == {
        "HASH": "route",
        "RANGE": sort_key,
    }
    assert index["Projection"]["ProjectionType"] == "INCLUDE"
    projected = index["Projection"]["NonKeyAttributes"]
    whole = [shown(state, [field.name for field in fields(State)]) for state in STATES]
    assert [shown(state, projected) for state in STATES] == whole
    for left_out in projected:
        fewer = [one for one in projected if one != left_out]
        assert [shown(state, fewer) for state in STATES] != whole, f"{left_out} is not needed"


def test_the_stream_carries_both_images(stack: Synthesized) -> None:
    assert stack.table["StreamSpecification"] == {"StreamViewType": "NEW_AND_OLD_IMAGES"}


def test_the_table_is_on_demand_backed_up_encrypted_and_forgets_by_ttl(stack: Synthesized) -> None:
    table = stack.table
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert table["SSESpecification"]["SSEEnabled"] is True
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


def test_a_table_for_much_load_is_warm_from_its_first_second(dev: Synthesized) -> None:
    warm = synthesize({"warm_write_units": "20000"})
    expected = {"WriteUnitsPerSecond": 20_000}
    assert warm.table["WarmThroughput"] == expected
    assert warm.index(INDEX)["WarmThroughput"] == expected, "every version is in this index"
    assert "WarmThroughput" not in warm.index(LACKING_INDEX), "few versions are in this one"
    assert "WarmThroughput" not in json.dumps(dev.template)


def test_the_ledger_of_prod_outlives_its_stack(prod: Synthesized) -> None:
    assert prod.table["DeletionProtectionEnabled"] is True
    assert prod.table.raw["DeletionPolicy"] == "Retain"
    assert prod.table.raw["UpdateReplacePolicy"] == "Retain"


def test_the_ledger_of_another_stage_goes_with_it(dev: Synthesized) -> None:
    assert dev.table["DeletionProtectionEnabled"] is False
    assert dev.table.raw["DeletionPolicy"] == "Delete"
