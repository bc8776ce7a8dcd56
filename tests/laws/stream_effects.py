"""What the stream of the table makes of every write: announcements and counters. They must be what
the records say in the end, whatever order and batches it was heard in."""

from collections import Counter
from dataclasses import dataclass, field

from replication.aws.table.ledger_item import Item, read_item
from replication.aws.table.stream_record import became_failed, read_record
from replication.counters.counter import (
    BenignKeys,
    CounterKey,
    Deltas,
    ItemImage,
    Period,
    current,
    deltas,
    merged,
)
from replication.counters.period import Level
from replication.ledger.fold import steps
from replication.ledger.port import ItemKey
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from summarize.recount import is_current
from tests.laws.faults import Change

BENIGN = BenignKeys()
HAPPENED = ("created", "completed", "failed")


@dataclass
class Told:
    """`counted`: what the changes of each item came to; `announced`: the failures of each item
    that were told, by where they begin."""

    counted: dict[ItemKey, Deltas] = field(default_factory=dict)
    announced: dict[ItemKey, list[str]] = field(default_factory=dict)
    read: int = 0

    def follow(self, stream: list[Change]) -> None:
        """Takes in what is new, and checks it."""
        for change in stream[self.read :]:
            self._announce(change)
            self._count(change)
        self.read = len(stream)

    def _announce(self, change: Change) -> None:
        told = became_failed(change.old, change.new)
        before, after = _failure(change.old), _failure(change.new)
        stands_anew = after is not None and (before is None or before < after)
        wanted = stands_anew and not _is_quiet(change.new)
        assert told == wanted, f"announced: {told}, a failure that stands: {after}: {change}"
        if after is not None and told:
            known = self.announced.setdefault(change.key, [])
            # Late facts may move the beginning of a failure back, and a still later one parts the
            # two again. Then the message comes again under its `event_id`, as SNS repeats any.
            parted = before is not None and before < after and f"f#{after}" in (change.old or {})
            assert after not in known or parted, f"{after} is announced twice: {change.key}"
            known.append(after)

    def _count(self, change: Change) -> None:
        read = read_record(
            {
                "dynamodb": {
                    "SequenceNumber": "1",
                    "OldImage": change.old,
                    "NewImage": change.new,
                }
            }
        )
        so_far = self.counted.get(change.key, {})
        total = merged([so_far, deltas(read.old, read.new, BENIGN)])
        self.counted[change.key] = total
        assert read.new is not None
        want = _wanted(read.new)
        got = {
            (view, name): n
            for view, names in total.items()
            for name, n in names.items()
            if is_current(view, name) or (isinstance(view, Period) and name in HAPPENED)
        }
        assert got == want, f"counters of {change.key} are {got}, and a recount says {want}"


def _wanted(seen: ItemImage) -> Counter[tuple[CounterKey, str]]:
    """What a recount of the item would say, and its edges."""
    found: Counter[tuple[CounterKey, str]] = Counter()
    for view, name, amount in current(seen, BENIGN):
        found[view, name] += amount
    for edge in seen.edges if seen.is_on_route else ():
        for level in () if edge.quiet else Level:
            cut = {Level.MINUTE: 16, Level.HOUR: 13, Level.DAY: 10}[level]
            route = (seen.version.bucket, seen.destination)
            found[Period(*route, level, edge.at[:cut]), str(edge.kind)] += 1
    return Counter({key: n for key, n in found.items() if n})


def _failure(image: Item | None) -> str | None:
    """Where the failure begins that the item is in: the fact that made it FAILED, or gave it
    another reason."""
    if image is None:
        return None
    stored, begin = read_item(image), None
    for fact, before, after in steps(stored.record, stored.base):
        if after.status is not Status.FAILED:
            begin = None
        elif before.status is not Status.FAILED or before.failure_code != after.failure_code:
            begin = fact.order
    return begin


def _is_quiet(image: Item) -> bool:
    state = read_item(image).record.state
    return bool(state.quiet) or state.evidence is Evidence.INVENTORY
