"""PartiQL statements of the ledger's two fast writes.

Names of attributes are the project's own (`ledger_item.py`); values from outside are always
parameters.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeAlias

from replication.aws.table import ledger_item
from replication.aws.table.ledger_item import AttributeValue, Item
from replication.ledger.assumptions import Assumes
from replication.ledger.fact import Fact
from replication.ledger.fold import effect
from replication.ledger.port import ItemKey
from replication.ledger.state import State
from replication.s3.status import Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import BatchStatementRequestTypeDef

    Statement: TypeAlias = BatchStatementRequestTypeDef
else:
    Statement: TypeAlias = dict[str, Any]


def insert(table_name: str, item: Item) -> Statement:
    """A new item; DuplicateItem when its key is taken."""
    names = ", ".join(f"'{name}': ?" for name in item)
    return {
        "Statement": f'INSERT INTO "{table_name}" VALUE {{{names}}}',
        "Parameters": list(item.values()),
    }


def update(
    table_name: str,
    key: ItemKey,
    fact: Fact,
    assumed: Assumes,
    shards: int,
    completed_days: int = 0,
) -> Statement:
    """Adds a fact to an item that has only older ones. ConditionalCheckFailed when the item does
    not exist, has a newer one (or is `ledger_item.CLOSED`), or `assumed` is not true."""
    values, removed = _changes(key, fact, shards, completed_days)
    values[ledger_item.fact_name(fact)] = ledger_item.fact_value(fact)
    clauses = [f'SET "{name}"=?' for name in values] + [f'REMOVE "{name}"' for name in removed]
    where = ledger_item.key_of(*key)
    condition, wanted = _CONDITIONS[assumed]
    return {
        "Statement": f'UPDATE "{table_name}" {" ".join(clauses)}'
        f' WHERE "pk"=? AND "sk"=? AND "ord" < ?{condition}',
        "Parameters": [*values.values(), where["pk"], where["sk"], {"S": fact.order}, *wanted],
    }


_CONDITIONS: Mapping[Assumes, tuple[str, list[AttributeValue]]] = {
    Assumes.NOTHING: ("", []),
    Assumes.PENDING: (' AND "status"=?', [{"S": Status.PENDING}]),
    # Every time sorts before a colon, so this is true when the attribute exists.
    Assumes.ARRIVED: (' AND "arrived_at" < ?', [{"S": ":"}]),
}


def _changes(
    key: ItemKey, fact: Fact, shards: int, completed_days: int
) -> tuple[dict[str, AttributeValue], list[str]]:
    fields = effect(fact)
    values = {
        name: ledger_item.value_of(value) for name, value in fields.items() if value is not None
    }
    removed = [name for name, value in fields.items() if value is None]
    values["ord"] = {"S": fact.order}
    # What the fact leaves as it was gives no expiry that it does not give itself.
    if expires_at := ledger_item.expiry_of(State(**fields), completed_days):
        values["expires_at"] = expires_at
    else:
        removed.append("expires_at")
    if fields.get("deleted_at"):
        values["ord"] = {"S": ledger_item.CLOSED}
        removed += ["route", "position", "held"]
    elif fields.get("status"):
        # A write without a read makes a version COMPLETED: the destination does not lack it.
        values |= ledger_item.listing(
            *key, State(status=fields["status"], since=fields["since"]), shards
        )
        removed.append("held")
    return values, removed
