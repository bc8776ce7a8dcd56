"""What DynamoDB bills for a write, by its published rules.

Sizes: names and strings in bytes of UTF-8, a number half a byte a digit and one more, a boolean
one byte, a map three bytes and one for each member. A write of up to 1 KB is one unit, in the table
and in the index alike. An item that enters or leaves an index is one index write, one whose index
key changes two (delete and put), one whose projected attributes change one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Any

from replication.aws.table import keys as table_keys
from replication.aws.table import ledger_item
from replication.aws.table.ledger_item import Item
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.s3.evidence import Evidence
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.support.ledger_table import PROJECTED

_INDEXES = {table_keys.INDEX: ("route", "position"), table_keys.LACKING_INDEX: ("route", "held")}


@dataclass(frozen=True, slots=True)
class Cost:
    """Write capacity units of one write, and how many writes the index saw."""

    table_units: int
    index_units: int
    index_writes: int


def value_size(value: Mapping[str, Any]) -> int:
    ((kind, content),) = value.items()
    match kind:
        case "S":
            return len(str(content).encode())
        case "N":
            return ceil(len(content.lstrip("-")) / 2) + 1 + int(content.startswith("-"))
        case "BOOL" | "NULL":
            return 1
        case "B":
            return len(content)
        case "M":
            return 3 + sum(1 + len(n.encode()) + value_size(v) for n, v in content.items())
    raise ValueError(f"the ledger writes no {kind}")


def item_size(item: Item) -> int:
    return sum(len(name.encode()) + value_size(value) for name, value in item.items())


def units(size: int) -> int:
    return max(1, ceil(size / 1024))


def entry(item: Item, index: str = table_keys.INDEX) -> Item:
    """The item's entry in an index; empty when it has none."""
    keys = _INDEXES[index]
    if any(name not in item for name in keys):
        return {}
    names = ("pk", "sk", *keys, *PROJECTED)
    return {name: item[name] for name in names if name in item}


def cost(old: Item, new: Item) -> Cost:
    """Of the write that makes `new` out of `old` (empty: there was none)."""
    writes: list[Item] = []
    for index, keys in _INDEXES.items():
        before, after = entry(old, index), entry(new, index)
        if before == after:
            continue
        if any(before.get(name) != after.get(name) for name in keys):
            writes += [one for one in (before, after) if one]
        else:
            writes.append(max(before, after, key=item_size))
    return Cost(
        table_units=units(max(item_size(old), item_size(new))),
        index_units=sum(units(item_size(one)) for one in writes),
        index_writes=len(writes),
    )


def life(key: str = "TaxDocs/2026/11/document-000017.pdf") -> list[Fact]:
    """Created, then arrived at one destination, with values as long as S3's own."""
    version = ObjectVersion("tracker-demo-source", key, "3sL4kqtJlcpXroDTDmJ.rmSpXd3dIbrHY")
    created = Fact(
        kind=Kind.REQUESTED,
        version=version,
        destination="tracker-demo-replica-1",
        at=Instant("2026-11-22T10:00:00.000Z"),
        evidence=Evidence.OBJECT_CREATED,
        id="17793124-05d4-b198-2fde-7ededc63b103",
        rule_id="tax-1",
        size=1_048_576,
        etag="d41d8cd98f00b204e9800998ecf8427e",
        sequencer="00617F08299329D189",
        detail="PutObject",
    )
    arrived = Fact(
        kind=Kind.ARRIVED,
        version=version,
        destination="tracker-demo-replica-1",
        at=Instant("2026-11-22T10:00:03.999Z"),
        evidence=Evidence.REPLICA_CREATED,
        id="2ee9cc15-d022-99ea-1fb8-1b1bac4850f9",
        detail="PutObject",
    )
    return [created, arrived]


def stages(facts: list[Fact]) -> list[Item]:
    """The item after each of the facts."""
    key = (facts[0].version, facts[0].destination)
    return [
        ledger_item.item_of(LedgerItem(*key, fold(facts[: number + 1])), shards=4)
        for number in range(len(facts))
    ]
