"""What an object's life costs in DynamoDB's write capacity.

`tests/support/capacity.py` has the rules of it.

python -m bench.capacity    prints the items of one object's life and what they cost, then what its
                            counters cost by how many objects come in a batch
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from replication.counters.counter import BenignKeys, ItemImage, deltas, image_of, merged
from replication.ledger.fact import Fact
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.times import plus
from tests.support.capacity import cost, entry, item_size, life, stages

if TYPE_CHECKING:
    from replication.aws.table.ledger_item import Item


def counting(objects: int, seconds: float = 5) -> float:
    """Write units that one object's life costs in the counters when so many are written in every
    batching window of the stream and arrive four seconds later. A transaction costs double."""
    lives = [
        [replace(one, at=plus(one.at, seconds * n / objects)) for one in life(f"k{n}")]
        for n in range(objects)
    ]
    made = [(None, facts[:1]) for facts in lives] + [(facts[:1], facts) for facts in lives]
    found = merged([deltas(_seen(old), _seen(new), BenignKeys()) for old, new in made])
    return 2 * (len(found) + 1) / objects


def _seen(facts: list[Fact] | None) -> ItemImage | None:
    if facts is None:
        return None
    return image_of(LedgerItem(facts[0].version, facts[0].destination, fold(facts)), listed=True)


def main() -> None:
    old: Item = {}
    total = []
    for fact, new in zip(life(), stages(life()), strict=True):
        one = cost(old, new)
        total.append(one)
        print(
            f"{fact.kind:10} item {item_size(new):4} bytes, entry {item_size(entry(new)):4} bytes:"
            f" {one.table_units} table write, {one.index_writes} index writes,"
            f" {one.table_units + one.index_units} capacity units"
        )
        old = new
    print(
        f"one object's life: {sum(one.table_units for one in total)} table writes,"
        f" {sum(one.index_writes for one in total)} index writes,"
        f" {sum(one.table_units + one.index_units for one in total)} write capacity units, 0 reads"
    )
    for objects in (1, 10, 100, 500):
        print(
            f"its counters, {objects} objects in a batch: {counting(objects):.2f} units with the"
            f" shard named, {counting(objects) + 4 - 2 / objects:.2f} without"
        )


if __name__ == "__main__":
    main()
