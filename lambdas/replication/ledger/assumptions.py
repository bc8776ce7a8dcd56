"""Which facts can be written without reading the item first, and on what condition."""

from enum import Enum
from typing import assert_never

from replication.ledger.fact import Fact, Kind
from replication.ledger.state import NULL_VERSION, State
from replication.s3.status import Status


class Assumes(Enum):
    """The condition under which `fold.effect(fact)` is all that a newer fact changes."""

    NOTHING = "nothing"
    PENDING = "the status is PENDING"
    ARRIVED = "the destination has a replica"


def assumes(fact: Fact) -> Assumes | None:
    """The condition for writing the fact without a read; None: the item must be read."""
    match fact.kind:
        case Kind.DELETED:
            return None if fact.version.version_id == NULL_VERSION else Assumes.NOTHING
        case Kind.ARRIVED:
            return Assumes.PENDING
        case Kind.REPLICA_DELETED:
            return Assumes.ARRIVED
        case _:
            return None


def holds(assumed: Assumes, state: State) -> bool:
    """Whether the condition is true of the state."""
    match assumed:
        case Assumes.NOTHING:
            return True
        case Assumes.PENDING:
            return state.status is Status.PENDING
        case Assumes.ARRIVED:
            return state.arrived_at is not None
        case _:
            assert_never(assumed)
