"""PartiQL statements of the ledger's two fast writes.

Names of attributes are the project's own (`items.py`); everything that came from outside is a
parameter, never text.
"""

from typing import TYPE_CHECKING, Any, TypeAlias

from replication.adapters import items
from replication.adapters.items import AttributeValue, Item
from replication.facts import Fact
from replication.fold import effect
from replication.ports import ItemKey
from replication.status import Status

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


def update(table_name: str, key: ItemKey, facts: tuple[Fact, ...], shards: int) -> Statement:
    """Facts, in order, onto an item that knows only older ones; ConditionalCheckFailed when it
    does not exist or knows a newer one (or is closed, see `items.CLOSED`)."""
    values, removed = _changes(key, facts, shards)
    values |= {items.fact_name(fact): items.fact_value(fact) for fact in facts}
    clauses = [f'SET "{name}"=?' for name in values] + [f'REMOVE "{name}"' for name in removed]
    where = items.key_of(*key)
    return {
        "Statement": f'UPDATE "{table_name}" {" ".join(clauses)}'
        ' WHERE "pk"=? AND "sk"=? AND "ord" < ?',
        "Parameters": [*values.values(), where["pk"], where["sk"], {"S": facts[0].order}],
    }


def tells_its_place(facts: tuple[Fact, ...]) -> bool:
    """Whether the facts alone say where the item stands in the index `held`: what changes a
    failure, or the time of its request, must know both of them."""
    fields = {name: value for fact in facts for name, value in effect(fact).items()}
    if fields.get("status") is Status.FAILED:
        return "requested_at" in fields
    return "requested_at" not in fields or "status" in fields


def _changes(
    key: ItemKey, facts: tuple[Fact, ...], shards: int
) -> tuple[dict[str, AttributeValue], list[str]]:
    fields = {name: value for fact in facts for name, value in effect(fact).items()}
    values = {name: items.value_of(value) for name, value in fields.items() if value is not None}
    removed = [name for name, value in fields.items() if value is None]
    values["ord"] = {"S": facts[-1].order}
    if fields.get("deleted_at"):
        values |= {"ord": {"S": items.CLOSED}, "expires_at": items.expiry_of(fields["deleted_at"])}
        removed += ["route", "position", "held"]
    elif fields.get("status"):
        requested_at = fields.get("requested_at")
        values |= items.listing(*key, fields["status"], fields["since"], requested_at, shards)
        if "held" not in values:
            removed.append("held")
    return values, removed
