"""How long an item of the ledger is kept.

Items of versions that exist stay, unless the deployment forgets COMPLETED ones: then such an item
expires some days after the last that was learnt of the version. Whatever makes it FAILED, PENDING,
in doubt or lost takes that away again, because each write decides anew.
"""

from replication.ledger.state import State
from replication.s3.status import Status
from replication.times import Instant, plus

_DAY = 86_400
KEPT_DAYS_AFTER_DELETION = 400


def kept_until(state: State, completed_days: int) -> Instant | None:
    """When an item may be deleted; None: never. `completed_days`: how long COMPLETED versions are
    kept; 0: for ever."""
    if state.deleted_at:
        return plus(state.deleted_at, KEPT_DAYS_AFTER_DELETION * _DAY)
    if not completed_days or not is_settled(state) or state.observed_at is None:
        return None
    return plus(state.observed_at, completed_days * _DAY)


def is_settled(state: State) -> bool:
    """Whether nothing is left to learn: the destination has the version, and that is certain."""
    return state.status is Status.COMPLETED and not (state.in_doubt or state.lost_at)


def forgotten_before(now: Instant, completed_days: int) -> Instant | None:
    """Of what was last heard of before, the ledger may lack COMPLETED versions; None: of nothing,
    because they are kept for ever."""
    return plus(now, -completed_days * _DAY) if completed_days else None
