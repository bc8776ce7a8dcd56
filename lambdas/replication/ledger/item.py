"""An item of the ledger: one object version at one destination."""

from dataclasses import dataclass

from replication.ledger.state import Record, State
from replication.s3.version import ObjectVersion


@dataclass(frozen=True, slots=True)
class LedgerItem:
    """An item as it was read. From the index it has no facts, and only part of the state."""

    version: ObjectVersion
    destination: str
    """A bucket name; empty when the item is about the version as a whole."""
    record: Record
    base: State | None = None
    """The state that the facts begin from, once older ones were folded away to save space."""
    base_until: str | None = None
    """`Fact.order` of the last fact folded into `base`."""
    base_facts: int = 0
    """How many facts were folded into `base`."""
