"""Edges: the moments at which an item was created, completed or failed. They are what is counted.

Edges follow from the facts in the order of the facts, not of their arrival. So the counters end up
the same in whatever order facts arrive, in batches, late or twice. A second failure is an edge
only when its reason is another one.
"""

from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b

from replication.ledger.fact import Kind
from replication.ledger.fold import steps
from replication.ledger.latency import latency
from replication.ledger.state import Record, State
from replication.s3.evidence import EVENTS, Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant


class EdgeKind(StrEnum):
    """What an edge is counted as; the values are names of counters."""

    CREATED = "created"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Edge:
    """One change of an item that is counted."""

    kind: EdgeKind
    at: Instant
    order: str
    """`Fact.order` of the fact that made it."""
    rule_id: str | None = None
    code: str | None = None
    """Failure reason."""
    quiet: bool = False
    """Learnt from an inventory: it happened long ago, so it is not counted or announced."""
    seconds: float | None = None
    """How long the replication took; None where no event says so."""
    unreported: Instant | None = None
    """When the version was written, if its arrival had to be read though the write was reported:
    an event of the destination is missing."""


def edges(record: Record, base: State | None = None) -> tuple[Edge, ...]:
    """The edges of a record, oldest first, without those of facts folded into `base`."""
    found: list[Edge] = []
    written: Instant | None = None
    for fact, before, after in steps(record, base):
        if fact.kind in (Kind.REQUESTED, Kind.POSSIBLE):
            # One write may come in two channels: in milliseconds, and in whole seconds.
            again = before.created_at and before.created_at[:19] == fact.at[:19]
            written = None if again and written is None and before.status else fact.at
        if written and after.status:
            # Created counts once it is certain that the version goes to this destination.
            found.append(Edge(EdgeKind.CREATED, written, fact.order))
            written = None
        if edge := _edge(fact.order, before, after):
            found.append(edge)
    return tuple(found)


def _edge(order: str, before: State, after: State) -> Edge | None:
    at, quiet = after.since, bool(after.quiet) or after.evidence is Evidence.INVENTORY
    if at is None:
        return None
    if after.status is Status.COMPLETED and before.status is not Status.COMPLETED:
        seconds = None
        if after.evidence in EVENTS and after.requested_at:
            seconds = latency(after.requested_at, at)
        unreported = None if quiet else _unreported(after)
        return Edge(EdgeKind.COMPLETED, at, order, after.rule_id, None, quiet, seconds, unreported)
    if after.status is Status.FAILED and (
        before.status is not Status.FAILED or before.failure_code != after.failure_code
    ):
        return Edge(EdgeKind.FAILED, at, order, after.rule_id, after.failure_code, quiet)
    return None


def _unreported(state: State) -> Instant | None:
    """See `Edge.unreported`. Nothing is documented of events of replicated delete markers and of
    replicated changes, so those are not missed. Only an event of the write has a sequencer."""
    of_the_write = state.sequencer and state.requested_at in (None, state.created_at)
    if state.evidence in EVENTS or state.delete_marker or not of_the_write:
        return None
    return state.created_at


def current_failure(state: State, found: tuple[Edge, ...]) -> Edge | None:
    """The edge of the failure an item is in; None: it is not FAILED, or the fact was folded into
    the base."""
    if state.status is not Status.FAILED:
        return None
    return next((edge for edge in reversed(found) if edge.kind is EdgeKind.FAILED), None)


def edge_id(version: ObjectVersion, destination: str, edge: Edge) -> str:
    """An id of one edge of one item, always the same, for subscribers to drop repeats by."""
    text = "\0".join([version.bucket, version.key, version.version_id, destination, edge.order])
    return f"edge-{blake2b(text.encode(), digest_size=12).hexdigest()}"
