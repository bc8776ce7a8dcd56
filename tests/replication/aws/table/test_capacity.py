"""What one object's life costs: counted requests, and DynamoDB's published rules of capacity."""

from typing import TYPE_CHECKING, Any

import pytest

from replication.aws.table import ledger_item
from replication.aws.table.ledger import DynamoDBLedger
from replication.ledger.port import Claim
from tests.support.capacity import Cost, cost, entry, item_size, life, stages

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from replication.aws.table.ledger_item import Item

pytestmark = pytest.mark.e2e


def test_a_life_takes_two_table_writes_three_index_writes_and_nothing_else(
    dynamodb: "DynamoDBClient", table: str, ledger: DynamoDBLedger
) -> None:
    """Requests counted on the wire, capacity from the items that are really in the table."""
    statements: list[str] = []

    def note(params: dict[str, Any], model: Any, **_: Any) -> None:
        assert model.name == "BatchExecuteStatement"
        statements.extend(one["Statement"] for one in params["Statements"])

    old: Item = {}
    costs: list[Cost] = []
    dynamodb.meta.events.register("provide-client-params.dynamodb", note)
    for fact in life():
        ledger.write([Claim(fact)])
        dynamodb.meta.events.unregister("provide-client-params.dynamodb", note)
        new = dynamodb.get_item(
            TableName=table,
            Key=ledger_item.key_of(fact.version, fact.destination),
            ConsistentRead=True,
        )["Item"]
        costs.append(cost(old, new))
        old = dict(new)
        dynamodb.meta.events.register("provide-client-params.dynamodb", note)
    dynamodb.meta.events.unregister("provide-client-params.dynamodb", note)
    assert [one.split()[0] for one in statements] == ["INSERT", "UPDATE"]
    assert sum(one.table_units for one in costs) == 2
    assert sum(one.index_writes for one in costs) == 3
    assert sum(one.index_units for one in costs) == 3


def test_the_rules_agree_with_what_the_server_says_it_consumed(
    dynamodb: "DynamoDBClient", table: str
) -> None:
    """On UpdateItem, where every server reports it."""
    created, completed = stages(life())
    key = {name: created.pop(name) for name in ("pk", "sk")}
    previous: Item = {}
    for item in (created, {n: v for n, v in completed.items() if n not in key}):
        names = {f"#{n}": name for n, name in enumerate(item)}
        answer = dynamodb.update_item(
            TableName=table,
            Key=key,
            UpdateExpression="SET " + ", ".join(f"#{n} = :{n}" for n in range(len(item))),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={f":{n}": v for n, v in enumerate(item.values())},
            ReturnConsumedCapacity="INDEXES",
        )["ConsumedCapacity"]
        expected = cost(previous, key | item)
        assert answer["Table"]["CapacityUnits"] == expected.table_units
        assert answer["GlobalSecondaryIndexes"]["routes"]["CapacityUnits"] == expected.index_units
        previous = key | item


@pytest.mark.parametrize(("length", "units"), [(100, 1), (1024, 2)])
def test_a_long_key_costs_a_second_unit_and_no_more(length: int, units: int) -> None:
    created, completed = stages(life("k" * length))
    both = (cost({}, created), cost(created, completed))
    assert [one.table_units for one in both] == ([units] * 2 if units == 1 else [2, 2])
    assert [one.index_writes for one in both] == [1, 2]


def test_sizes_are_counted_as_dynamodb_counts_them() -> None:
    assert item_size({"pk": {"S": "é"}, "n": {"N": "-1234"}, "b": {"BOOL": True}}) == 4 + 5 + 2
    assert item_size({"m": {"M": {"k": {"S": "ab"}}}}) == 1 + 3 + 1 + 1 + 2


def test_an_item_without_a_listing_costs_the_index_nothing() -> None:
    created, _ = stages(life())
    unlisted = {name: value for name, value in created.items() if name != "route"}
    assert entry(unlisted) == {}
    assert cost({}, unlisted).index_writes == 0
    assert cost(created, unlisted) == Cost(1, 1, 1)
