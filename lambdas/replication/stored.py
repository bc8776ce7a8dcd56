"""A record of the ledger with what it is a record of."""

from dataclasses import dataclass

from replication.facts import ObjectVersion
from replication.fold import Record, State


@dataclass(frozen=True, slots=True)
class Stored:
    """An item read back; rows of the index carry no facts and part of the state."""

    version: ObjectVersion
    destination: str
    record: Record
    base: State | None = None
    base_until: str | None = None
    base_facts: int = 0
