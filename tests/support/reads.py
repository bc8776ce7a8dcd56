"""Requests that a client of DynamoDB made, and what reads cost by DynamoDB's published rules.

A Query is billed by what it reads before filters, 4 KB a unit, half of it when it is eventually
consistent. An emulator's own figures are not right for large queries, so units follow from the
entries that were read and their mean size.
"""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from math import ceil
from typing import Any


@dataclass(slots=True)
class Reads:
    """What was counted so far."""

    requests: Counter[str] = field(default_factory=Counter)
    entries: list[tuple[int, bool]] = field(default_factory=list)
    """Of each Query, how many entries it read, and whether it was strongly consistent."""

    @property
    def total(self) -> int:
        return self.requests.total()

    def units(self, entry_bytes: int) -> float:
        """Read capacity units of the queries, with entries of this mean size."""
        return sum(
            max(1, ceil(number * entry_bytes / 4_096)) * (1 if consistent else 0.5)
            for number, consistent in self.entries
        )

    def clear(self) -> None:
        self.requests.clear()
        self.entries.clear()


@contextmanager
def counted(client: Any) -> Iterator[Reads]:
    """Counts the requests of `client` until the end of the `with`."""
    reads = Reads()

    def before(model: Any, params: Any, context: Any, **_: Any) -> None:
        reads.requests[model.name] += 1
        context["consistent"] = json.loads(params["body"]).get("ConsistentRead", False)

    def after(model: Any, parsed: Any, context: Any, **_: Any) -> None:
        if model.name == "Query":
            reads.entries.append((parsed["ScannedCount"], context["consistent"]))

    events = client.meta.events
    events.register("before-call.dynamodb", before)
    events.register("after-call.dynamodb", after)
    try:
        yield reads
    finally:
        events.unregister("before-call.dynamodb", before)
        events.unregister("after-call.dynamodb", after)
