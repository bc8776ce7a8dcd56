"""Which listed versions need a HEAD, and what the answer showed. Pure."""

from collections.abc import Mapping

from replication.ledger.fact import Fact, Kind
from replication.ledger.schedule import Schedule
from replication.ledger.state import State
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.times import Instant, seconds_between


def needs_head(
    schedule: Schedule,
    history: RuleHistory | None,
    status: Status | None,
    state: State,
    now: Instant,
    *,
    deaf: bool,
) -> bool:
    """Whether a version that a window of `status` lists for a destination needs a HEAD now. `state`
    is the version's at the destination, `deaf`: no event reports arrivals there."""
    if status is not Status.PENDING:
        # FAILED and in doubt: always. COMPLETED: the window is of the sample, or of all.
        return True
    age = seconds_between(state.since or now, now)
    if state.in_doubt:
        return age >= schedule.doubtful_seconds
    rules = history.current.rules if history else ()
    time_control = any(rule.id == state.rule_id and rule.threshold_minutes for rule in rules)
    return age >= schedule.expected_seconds(time_control, deaf=deaf)


def difference(fact: Fact, known: Mapping[str, State]) -> str | None:
    """The name of the metric for what the ledger did not know; None: it knew."""
    match fact.kind:
        case Kind.REPLICA_DELETED:
            return "found_replica_lost"
        case Kind.DELETED:
            return "found_source_deleted"
        case _ if fact.status == known.get(fact.destination, State()).status:
            return None
        case _:
            return f"found_{fact.status.lower() if fact.status else 'without_rule'}"
