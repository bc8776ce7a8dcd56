"""What the counters cost by how many objects come and how long changes are gathered: one shard of
the table's stream, simulated with the counters' own rules.

A batch begins with a record and ends after the window, at a full minute (the tumbling window) or
with a thousand records. It is one transaction of the guard and each counter it touches, and a
transaction costs double. An item of counters is taken as one unit: up to 1 KB.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import ceil

from replication.aws.table.counter_writes import WRITES_A_TRANSACTION
from replication.counters.counter import BenignKeys, Deltas, ItemImage, deltas, image_of, merged
from replication.ledger.fact import Fact
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.times import plus
from tests.support.capacity import life

STREAM_SHARDS = 4
"""Of a new on-demand table; an assumption. A larger table has more, and its batches are smaller."""
ARRIVES_SECONDS = 15.0
"""After the write; an assumption. S3 promises nothing, and mostly needs less than half a minute."""
RECORDS_A_BATCH = 1_000
TUMBLING_SECONDS = 60.0
_SIMULATED_SECONDS, _LEAST, _MOST = 60.0, 300, 4_000
"""Objects are simulated for a minute, but not fewer or more than these."""


@dataclass(frozen=True, slots=True)
class Counted:
    """Of one object's life: write units, and batches of the stream."""

    units: float
    batches: float


def counted(
    objects_a_second: float,
    window_seconds: float,
    *,
    arrives_seconds: float = ARRIVES_SECONDS,
    forgotten: bool = False,
) -> Counted:
    """`forgotten`: every object has also expired one before it, at some other time."""
    rate = objects_a_second / STREAM_SHARDS
    number = min(_MOST, max(_LEAST, ceil(rate * _SIMULATED_SECONDS)))
    made = random.Random(7)
    records: list[tuple[float, Deltas]] = []
    moment = 0.0
    for _ in range(number):
        moment += made.expovariate(rate)
        records += _life(moment, arrives_seconds)
    if forgotten:
        image = _image(life())
        expired = deltas(image, None, BenignKeys(), expired=True)
        records += [(made.uniform(0, moment), expired) for _ in range(number)]
    batches = list(_batches(sorted(records, key=lambda one: one[0]), window_seconds))
    units = 0
    for batch in batches:
        touched = len(merged(batch))
        units += 2 * (touched + ceil(touched / (WRITES_A_TRANSACTION - 1)))
    return Counted(units / number, len(batches) / number)


def _life(moment: float, arrives_seconds: float) -> Iterator[tuple[float, Deltas]]:
    """When the stream tells of an object's creation and of its arrival, and what that counts."""
    created, arrived = life()
    created = replace(created, at=plus(created.at, moment))
    arrived = replace(arrived, at=plus(created.at, arrives_seconds))
    before, after = _image([created]), _image([created, arrived])
    yield moment, deltas(None, before, BenignKeys())
    yield moment + arrives_seconds, deltas(before, after, BenignKeys())


def _image(facts: list[Fact]) -> ItemImage:
    return image_of(LedgerItem(facts[0].version, facts[0].destination, fold(facts)), listed=True)


def _batches(records: list[tuple[float, Deltas]], window_seconds: float) -> Iterator[list[Deltas]]:
    batch: list[Deltas] = []
    ends = 0.0
    for moment, found in records:
        if batch and (moment > ends or len(batch) == RECORDS_A_BATCH):
            yield batch
            batch = []
        if not batch:
            minute = (moment // TUMBLING_SECONDS + 1) * TUMBLING_SECONDS
            ends = min(moment + window_seconds, minute)
        batch.append(found)
    if batch:
        yield batch
