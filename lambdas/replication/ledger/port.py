"""What the functions ask of the ledger. `aws.table.ledger` answers; tests answer in memory."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from replication.errors import NotYet, Rejected
from replication.ledger.fact import Fact
from replication.ledger.state import State
from replication.s3.version import ObjectVersion


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact to write. `must_exist`: only if its version is known at its destination, because
    nothing but the shared version id says that this is a replica of that source."""

    fact: Fact
    must_exist: bool = False


class Written(Enum):
    """What became of an item."""

    WRITTEN = "written"
    KNOWN = "known"
    """Every fact was there already, or is older than all that the item still tells apart."""
    MISSING = "missing"
    """Nothing is known of the item and every claim on it said `must_exist`."""


ItemKey = tuple[ObjectVersion, str]
"""An object version and a destination bucket."""


class Ledger(Protocol):
    """The one place facts are kept."""

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        """Writes every claim; one item's trouble is told for that item and stops no other."""
        ...

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        """What is known of the version at each of its destinations, by name; an empty name is a
        version no rule took. Unavailable when it cannot be read."""
        ...
