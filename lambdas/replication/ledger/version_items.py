"""What the items of one object version say together.

A version has an item for each destination, and one without a destination for the version as a
whole: that no rule replicates it, or a status that was read and belongs to no one destination.
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
"""Sort key of the versions of one key (`age_of`)."""


def is_unsourced(items: VersionItems) -> bool:
    """Whether this is a replica whose source is not known."""
    return all(item.destination == item.version.bucket for item in items)


def holds(items: VersionItems, bucket: str) -> bool:
    """Whether the destination `bucket` is known to have a replica of the version."""
    return any(item.destination == bucket and item.record.state.arrived_at for item in items)


def destinations(items: VersionItems) -> list[LedgerItem]:
    """The items of the destinations that the version goes, went or may go to, by name."""
    version = items[0].version
    found = (
        item
        for item in items
        if item.destination not in ("", version.bucket) and not item.record.state.is_only_an_end
    )
    return sorted(found, key=lambda item: item.destination)


def replication_status(items: VersionItems) -> Status | None:
    """The status that HEAD of the source would show, from its status at each destination. If that
    is unknown, the status last read of the version as a whole, unless something newer contradicts
    it. None: unknown, or no rule replicates it."""
    states = [item.record.state for item in destinations(items)]
    said = aggregate(state.status for state in states if not state.is_ruled_out)
    own = _own(items)
    if said is not None or own is None or any(_says_more(state, own) for state in states):
        return said
    return own.status


def is_eligible(items: VersionItems, *, in_doubt: bool) -> bool | None:
    """Whether a rule replicates the version; None: unknown. `in_doubt`: its destinations are not
    certain."""
    states = [item.record.state for item in destinations(items)]
    # S3 gives a status only to versions that a rule replicates.
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
    """When the version was deleted by its version id; None: it exists. A `null` version may have
    been written again since; the item of a destination it no longer goes to does not have that."""
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
    """Sorts the versions of a key by the time they were written, oldest first; no two are equal.

    Notifications carry milliseconds and EventBridge whole seconds, so the second is compared first,
    and within it S3's sequencer.
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
    """A field of `State`, from the most recently observed item in which it is not None."""
    by_time = sorted(
        items, key=lambda item: (item.record.state.observed_at or "", item.destination)
    )
    known = [getattr(item.record.state, name) for item in by_time]
    return next((value for value in reversed(known) if value is not None), None)


def observed_at(items: Iterable[LedgerItem]) -> Instant | None:
    """The time of the latest fact of all items."""
    return max((found for item in items if (found := item.record.state.observed_at)), default=None)


def _without_destination(items: VersionItems) -> list[State]:
    """The state of the version as a whole; none if only its deletion is known."""
    states = (item.record.state for item in items if not item.destination)
    return [state for state in states if not state.is_only_an_end]


def _own(items: VersionItems) -> State | None:
    """The state of the version as a whole, if a status was read."""
    return next((state for state in _without_destination(items) if state.status), None)


def _says_more(state: State, own: State) -> bool:
    """Whether something newer is known of a destination than the status `own` of the version as a
    whole, so that HEAD might show another one now."""
    if state.status is None and state.in_doubt and state.evidence in READINGS:
        return False  # HEAD of the destination was refused
    learnt_at = state.since or state.observed_at or ""
    later = learnt_at > (own.observed_at or "")
    return later and state.evidence is not None and state.status is not own.status


def _birth(state: State) -> tuple[str, str]:
    return state.created_at or "", sequencer_order(state.sequencer)
