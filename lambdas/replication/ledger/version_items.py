"""What the items of one object version say together. Pure.

A version has an item for each destination, and one without a destination for what concerns none:
that no rule takes it, or what was read of the version itself.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from replication.ledger.item import LedgerItem
from replication.ledger.state import NULL_VERSION, State
from replication.s3.evidence import READINGS
from replication.s3.status import Status, aggregate
from replication.s3.version import sequencer_order
from replication.times import Instant

VersionItems = Sequence[LedgerItem]
"""Every item of one object version, at least one."""

Age = tuple[str, str, str, str, str]


def is_unsourced(items: VersionItems) -> bool:
    """Whether these are of a replica of which nobody knows the source."""
    return all(item.destination == item.version.bucket for item in items)


def holds(items: VersionItems, bucket: str) -> bool:
    """Whether the destination `bucket` has a replica of the version, as far as is known."""
    return any(item.destination == bucket and item.record.state.arrived_at for item in items)


def destinations(items: VersionItems) -> list[LedgerItem]:
    """Where the version goes, went or may go, by name. Of where only its end is known, nothing
    says that it was ever due there."""
    version = items[0].version
    found = (
        item
        for item in items
        if item.destination not in ("", version.bucket) and not item.record.state.is_only_an_end
    )
    return sorted(found, key=lambda item: item.destination)


def replication_status(items: VersionItems) -> Status | None:
    """What S3 would say of the source. Where the destinations leave it open, what was last read of
    the version itself counts, as long as nothing later says more; otherwise nobody knows."""
    states = [item.record.state for item in destinations(items)]
    said = aggregate(state.status for state in states if not state.is_ruled_out)
    own = _own(items)
    if said is not None or own is None or any(_says_more(state, own) for state in states):
        return said
    return own.status


def is_eligible(items: VersionItems, *, in_doubt: bool) -> bool | None:
    """Whether a rule takes the version somewhere; None: nobody knows. `in_doubt`: its destinations
    are not certain."""
    states = [item.record.state for item in destinations(items)]
    # S3 gives a status to nothing but what a rule took, and it replicates nothing else.
    if _own(items) and replication_status(items):
        return True
    if any(state.status in (Status.COMPLETED, Status.FAILED) for state in states):
        return True
    if in_doubt:
        return None
    if any(state.status is Status.PENDING for state in states):
        return True
    ruled_out = [state.is_ruled_out for state in (*states, *_without_destination(items))]
    return False if ruled_out and all(ruled_out) else None


def deleted_at(items: VersionItems) -> Instant | None:
    """When the version was deleted for good; None: it exists. The `null` version may have been
    written again, which an item of a destination it went to before does not hear of."""
    found: Instant | None = newest(items, "deleted_at")
    if found is None or items[0].version.version_id != NULL_VERSION:
        return found
    written = max((_birth(item.record.state) for item in items), default=("", ""))
    ended = max(
        (state.deleted_at, sequencer_order(state.ended_by))
        for state in (item.record.state for item in items)
        if state.deleted_at
    )
    if written[1] and ended[1]:
        return None if written[1] > ended[1] else found
    return None if written[0][:19] >= ended[0][:19] else found


def age_of(items: VersionItems) -> Age:
    """Sorts the versions of a key by when they were written, oldest first; no two are equal.

    Notifications carry milliseconds and EventBridge whole seconds, so times are compared by the
    second first. Within it S3's sequencer decides (upper-case, padded with zeros on the right).
    """
    moment = (
        newest(items, "created_at")
        or newest(items, "requested_at")
        or newest(items, "since")
        or observed_at(items)
        or ""
    )
    version = items[0].version
    sequencer = sequencer_order(newest(items, "sequencer"))
    return moment[:19], sequencer, moment, version.version_id, version.bucket


def newest(items: VersionItems, name: str) -> Any:
    """The field of `State` as the most recently observed item that knows it has it, or None."""
    by_time = sorted(
        items, key=lambda item: (item.record.state.observed_at or "", item.destination)
    )
    known = [getattr(item.record.state, name) for item in by_time]
    return next((value for value in reversed(known) if value is not None), None)


def observed_at(items: Iterable[LedgerItem]) -> Instant | None:
    return max((found for item in items if (found := item.record.state.observed_at)), default=None)


def _without_destination(items: VersionItems) -> list[State]:
    """What is known of no destination, unless it is the version's end alone."""
    states = (item.record.state for item in items if not item.destination)
    return [state for state in states if not state.is_only_an_end]


def _own(items: VersionItems) -> State | None:
    """What was read of the version itself, without saying of which destination."""
    return next((state for state in _without_destination(items) if state.status), None)


def _says_more(state: State, own: State) -> bool:
    """Whether a destination was heard of after the status of the version was read, so that this may
    be no more what S3 would say."""
    if state.status is None and state.in_doubt and state.evidence in READINGS:
        return False  # S3 was asked, and refused to say
    learnt_at = state.since or state.observed_at or ""
    later = learnt_at > (own.observed_at or "")
    return later and state.evidence is not None and state.status is not own.status


def _birth(state: State) -> tuple[str, str]:
    return state.created_at or "", sequencer_order(state.sequencer)
