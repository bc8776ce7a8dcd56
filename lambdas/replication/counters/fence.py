"""A mark in the table's stream, by which a recount sees how far the stream is worked off."""

from dataclasses import dataclass

from replication.counters.counter import ItemChange


@dataclass(frozen=True, slots=True)
class Fence(ItemChange):
    """A record of the stream that is no change of the ledger: fence `name` of those of `token`."""

    name: str = ""
    token: str = ""
