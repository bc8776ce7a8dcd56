"""A mark in the table's stream, by which a recount knows how far the stream is processed."""

from dataclasses import dataclass

from replication.counters.counter import ItemChange


@dataclass(frozen=True, slots=True)
class Fence(ItemChange):
    """The stream record of a mark. It changes no item."""

    name: str = ""
    """Its number."""
    token: str = ""
    """Names the recount that wrote it."""
