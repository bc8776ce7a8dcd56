"""What goes wrong around the functions: they are killed between two calls, or in the middle of one,
and the table throttles. What changed in the table is kept, as its stream would tell of it."""

import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from replication.aws.table.ledger_item import Item
from replication.errors import NotYet, Rejected, Unavailable
from replication.ledger.port import Claim, ItemKey, Ledger, Written
from replication.ledger.state import State
from replication.message import DeadLetters, IngestFrontier, Message
from replication.s3.version import ObjectVersion
from replication.times import Instant

THIRDS = 3


class Killed(BaseException):
    """The function ends here: no code of its own sees this."""


@dataclass
class Fate:
    """`calls` are left before the function is killed; None: it lives."""

    calls: int | None = None

    def step(self) -> None:
        if self.calls is None:
            return
        if self.calls == 0:
            self.calls = None
            raise Killed
        self.calls -= 1

    def is_next(self) -> bool:
        return self.calls == 0


@dataclass(frozen=True)
class Change:
    """An item before and after a write."""

    key: ItemKey
    old: Item | None
    new: Item


@dataclass
class FaultyLedger:
    """`image` reads an item. `throttled`: which third of the items answers nothing now."""

    ledger: Ledger
    image: Callable[[ItemKey], Item | None]
    fate: Fate
    throttled: int | None = None
    stream: list[Change] = field(default_factory=list)

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        keys = list(dict.fromkeys((one.fact.version, one.fact.destination) for one in claims))
        if self.fate.is_next():
            # Some of the statements were carried out; all facts on an item are in one.
            done = keys[: len(keys) // 2]
            self._write([c for c in claims if (c.fact.version, c.fact.destination) in done])
        self.fate.step()
        refused = {key for key in keys if self._is_throttled(key)}
        taken = [one for one in claims if (one.fact.version, one.fact.destination) not in refused]
        found = self._write(taken)
        return {**found, **{key: Unavailable("the ledger throttles") for key in refused}}

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        return self.ledger.states(version)

    def _is_throttled(self, key: ItemKey) -> bool:
        return zlib.crc32(repr(key).encode()) % THIRDS == self.throttled

    def _write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        keys = list(dict.fromkeys((one.fact.version, one.fact.destination) for one in claims))
        before = {key: self.image(key) for key in keys}
        found = self.ledger.write(claims)
        for key in keys:
            after = self.image(key)
            if after is not None and after != before[key]:
                self.stream.append(Change(key, before[key], after))
        return found


@dataclass
class FaultyLetters:
    letters: DeadLetters
    fate: Fate

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> Iterable[str]:
        if rejected:
            self.fate.step()
        return self.letters.send(rejected)


@dataclass
class FaultyHeard:
    heard: IngestFrontier
    fate: Fate

    def advance(self, sent: Instant) -> None:
        self.fate.step()
        self.heard.advance(sent)

    def give_back(self, messages: Sequence[Message]) -> None:
        if messages:
            self.fate.step()
        self.heard.give_back(messages)
