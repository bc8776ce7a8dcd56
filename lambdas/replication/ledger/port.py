"""The port to the ledger. Implemented by `aws.table.ledger`, and in memory by tests."""

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
    """A fact to write."""

    fact: Fact
    must_exist: bool = False
    """Write it only if the item exists: the fact comes from a destination, and only the item shows
    that the version there is a replica of this source."""


class Written(Enum):
    """What became of the claims on one item."""

    WRITTEN = "written"
    KNOWN = "known"
    """Every fact was there already, or is older than the facts folded into the base."""
    MISSING = "missing"
    """The item does not exist, and every claim had `must_exist`."""


ItemKey = tuple[ObjectVersion, str]
"""A source version and a destination (empty: none)."""


class Ledger(Protocol):
    """Where facts are stored."""

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        """Writes every claim. An item that fails has its error as its value; the others are
        written."""
        ...

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        """The state of the version at each destination, by name; empty name: the version as a
        whole. Unavailable when it cannot be read."""
        ...
