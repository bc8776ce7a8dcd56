"""A record of the ledger with what it is a record of."""

from dataclasses import dataclass

from replication.ledger.state import Record, State
from replication.s3.version import ObjectVersion


@dataclass(frozen=True, slots=True)
class LedgerItem:
    """An item read back; rows of the index carry no facts and part of the state."""

    version: ObjectVersion
    destination: str
    record: Record
    base: State | None = None
    base_until: str | None = None
    base_facts: int = 0
