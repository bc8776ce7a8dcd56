"""What a fact may assume of the state it is written onto, without a read."""

from enum import Enum
from typing import assert_never

from replication.ledger.fact import Fact, Kind
from replication.ledger.state import NULL_VERSION, State
from replication.s3.status import Status


class Assumes(Enum):
    """What must be true of the state for `effect` to be all that a newer fact does."""

    NOTHING = "nothing"
    PENDING = "the status is PENDING"
    ARRIVED = "the destination has a replica"


def assumes(fact: Fact) -> Assumes | None:
    """None: only the state itself tells what the fact does."""
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
    """Whether the assumption is true of the state."""
    match assumed:
        case Assumes.NOTHING:
            return True
        case Assumes.PENDING:
            return state.status is Status.PENDING
        case Assumes.ARRIVED:
            return state.arrived_at is not None
        case _:
            assert_never(assumed)
