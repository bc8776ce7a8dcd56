"""What happened to an item, as edges of its record: created, completed, failed. Pure.

Edges follow from the facts in their own order, however they came: one by one, in a batch, late or
twice. So what is counted of a record is the same in the end whatever order its facts arrived in.
A failure over a failure is an edge when its reason is another; one of the same reason is not.
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
    """What an edge is counted as."""

    CREATED = "created"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Edge:
    """`order` is that of the fact that made it. `quiet`: it is old news, learnt by reading an
    inventory. `seconds` is how long the replication took, None where no event says so."""

    kind: EdgeKind
    at: Instant
    order: str
    rule_id: str | None = None
    code: str | None = None
    quiet: bool = False
    seconds: float | None = None


def edges(record: Record, base: State | None = None) -> tuple[Edge, ...]:
    """The edges of a record, oldest first. What was folded into `base` is not among them."""
    found: list[Edge] = []
    written: Instant | None = None
    for fact, before, after in steps(record, base):
        if fact.kind in (Kind.REQUESTED, Kind.POSSIBLE):
            # Two channels tell of one creation, one in milliseconds and one in whole seconds.
            again = before.created_at and before.created_at[:19] == fact.at[:19]
            written = None if again and written is None and before.status else fact.at
        if written and after.status:
            # A version that was only possible counts once it is known to be due.
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
        return Edge(EdgeKind.COMPLETED, at, order, after.rule_id, None, quiet, seconds)
    if after.status is Status.FAILED and (
        before.status is not Status.FAILED or before.failure_code != after.failure_code
    ):
        return Edge(EdgeKind.FAILED, at, order, after.rule_id, after.failure_code, quiet)
    return None


def current_failure(state: State, found: tuple[Edge, ...]) -> Edge | None:
    """The edge into the failure an item is in; None when it is in none, or the edge is folded
    away."""
    if state.status is not Status.FAILED:
        return None
    return next((edge for edge in reversed(found) if edge.kind is EdgeKind.FAILED), None)


def edge_id(version: ObjectVersion, destination: str, edge: Edge) -> str:
    """Names one edge of one item for ever: what is told of it twice has the same id."""
    text = "\0".join([version.bucket, version.key, version.version_id, destination, edge.order])
    return f"edge-{blake2b(text.encode(), digest_size=12).hexdigest()}"
