"""What callers are shown: JSON objects made of what the ledger holds. Pure.

    tracked_object   one object version as its source, or one of its destinations, has it
    summary          the same without `transitions`, for lists of versions
    row              one version at one destination, for lists and announcements
    tracked_bucket   a bucket with its rules

Their shapes are written down once, with descriptions, in `query/schemas.py`; the query function
checks every answer against them.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from replication import times
from replication.configuration import History
from replication.eligibility import Rule
from replication.facts import Fact
from replication.failures import explain
from replication.fold import State, step
from replication.status import REPLICA, Status, aggregate
from replication.stored import Stored
from replication.times import Instant

Json = dict[str, Any]

STALE_SECONDS = 86_400.0

VersionItems = Sequence[Stored]
"""Every item of one object version, at least one."""

_SEQUENCER_LENGTH = 64
_ROLES = {
    (True, True): "source_and_destination",
    (True, False): "source",
    (False, True): "destination",
}


@dataclass(frozen=True, slots=True)
class Present:
    """The moment that ages count to, and the age from which pending is called stale: S3 still says
    PENDING, nobody knows why, and it has not failed."""

    now: Instant
    stale_seconds: float = STALE_SECONDS

    def age(self, state: State) -> float | None:
        return _elapsed(state.since, self.now)

    def is_stale(self, state: State) -> bool:
        return state.status is Status.PENDING and (self.age(state) or 0) >= self.stale_seconds


def tracked_object(items: VersionItems, bucket: str, present: Present) -> Json:
    """The version as `bucket` has it: its source, or a destination that `holds` it."""
    concerned = items
    if bucket != items[0].version.bucket:
        concerned = [item for item in items if item.destination == bucket]
    return summary(items, bucket, present) | {"transitions": transitions(concerned)}


def summary(items: VersionItems, bucket: str, present: Present) -> Json:
    if bucket == items[0].version.bucket and not is_unsourced(items):
        return _source(items, present)
    return _replica(items, bucket)


def _source(items: VersionItems, present: Present) -> Json:
    # The item without a destination says that no rule took the version. It still knows the
    # version's size and times, but it is no destination.
    version = items[0].version
    destinations = sorted(
        (item for item in items if item.destination not in ("", version.bucket)),
        key=lambda item: item.destination,
    )
    created_at, deleted_at = newest(items, "created_at"), newest(items, "deleted_at")
    if created_at and deleted_at and deleted_at < created_at:
        deleted_at = None  # a `null` version that was written again
    return {
        "bucket": version.bucket,
        "key": version.key,
        "version_id": version.version_id,
        "role": "source",
        "replication_status": _replication_status(items, destinations),
        "delete_marker": bool(newest(items, "delete_marker")),
        "size": newest(items, "size"),
        "etag": newest(items, "etag"),
        "created_at": created_at,
        "observed_at": _observed_at(items),
        "deleted_at": deleted_at,
        "source": None,
        "destinations": [_destination(item, present) for item in destinations],
    }


def _replication_status(items: VersionItems, destinations: VersionItems) -> Status | None:
    """What S3 would say of the source. An inventory may tell a status of the version while nobody
    knows of which destination: that counts as long as nothing later or more exact is known."""
    said = aggregate(
        item.record.state.status for item in destinations if not item.record.state.is_ruled_out
    )
    latest = max(
        items, key=lambda item: (item.record.state.observed_at or "", not item.destination)
    )
    return latest.record.state.status if said is None and not latest.destination else said


def _replica(items: VersionItems, bucket: str) -> Json:
    version = items[0].version
    return {
        "bucket": bucket,
        "key": version.key,
        "version_id": version.version_id,
        "role": "replica",
        "replication_status": REPLICA,
        "delete_marker": bool(newest(items, "delete_marker")),
        "size": newest(items, "size"),
        # Encryption at the destination can give the replica another one than the source has.
        "etag": None,
        # S3 copies the creation time together with the object.
        "created_at": newest(items, "created_at"),
        "observed_at": _observed_at([item for item in items if item.destination == bucket]),
        # Deleting a source version for good is not replicated.
        "deleted_at": None,
        "source": None
        if is_unsourced(items)
        else {
            "bucket": version.bucket,
            "key": version.key,
            "version_id": version.version_id,
        },
        "destinations": [],
    }


def is_unsourced(items: VersionItems) -> bool:
    """Whether these are of a replica of which nobody knows the source."""
    return all(item.destination == item.version.bucket for item in items)


def holds(items: VersionItems, bucket: str) -> bool:
    """Whether the destination `bucket` has a replica of the version, as far as is known."""
    return any(item.destination == bucket and item.record.state.arrived_at for item in items)


def transitions(items: Sequence[Stored]) -> list[Json]:
    """Every change of a destination's status, oldest first, found by folding its facts again.

    Facts that were folded away (`items.compact`) tell nothing any more: the first entry that is
    left then starts from the status they led to.
    """
    changes: list[tuple[str, str, Json]] = []
    for item in items:
        state = item.base or State()
        for fact in item.record.facts:
            after = step(state, fact)
            if after.status != state.status:
                change = _transition(item.destination, fact, state.status, after.status)
                changes.append((fact.order, item.destination, change))
            state = after
    return [change for _, _, change in sorted(changes, key=lambda found: found[:2])]


def row(item: Stored, present: Present) -> Json:
    """One version at one destination."""
    version, state = item.version, item.record.state
    return {
        "bucket": version.bucket,
        "key": version.key,
        "version_id": version.version_id,
        "destination": item.destination,
        "rule_id": state.rule_id,
        "status": state.status,
        "since": state.since,
        "requested_at": state.requested_at,
        "age_seconds": present.age(state),
        "size": state.size,
        "failure": _failure(state),
        "evidence": state.evidence,
        "late": bool(state.late),
        "stale": present.is_stale(state),
        "lost_at": state.lost_at,
    }


def tracked_bucket(
    name: str,
    histories: Mapping[str, History | None],
    destination_buckets: Collection[str],
) -> Json:
    """A bucket of the tracker. `histories` has every source bucket, None where its configuration
    was never read; `destination_buckets` are those the tracker was deployed for."""
    history = histories.get(name)
    sources = [
        other for other, found in sorted(histories.items()) if found and name in found.destinations
    ]
    is_destination = name in destination_buckets or bool(sources)
    return {
        "bucket": name,
        "role": _ROLES[name in histories, is_destination],
        "tracking_since": history.tracking_since if history else None,
        "rules": [_rule(rule, history) for rule in history.current.rules] if history else None,
        "destinations": list(history.destinations) if history else None,
        "sources": sources,
    }


def _rule(rule: Rule, history: History) -> Json:
    since = history.revisions[-1].since
    for revision in reversed(history.revisions):
        if rule not in revision.configuration.rules:
            break
        since = revision.since
    return {
        "id": rule.id,
        "status": "Enabled" if rule.enabled else "Disabled",
        "priority": rule.priority,
        "prefix": rule.prefix,
        "tags": dict(rule.tags),
        "destination": rule.destination,
        "delete_marker_replication": rule.delete_markers,
        "metrics": rule.metrics,
        "replication_time_control": rule.threshold_minutes,
        "since": since,
    }


Age = tuple[str, str, str, str, str]


def age_of(items: VersionItems) -> Age:
    """Sorts the versions of a key by when they were written, oldest first; no two are equal.

    Notifications carry milliseconds and EventBridge whole seconds, so times are compared by the
    second first. Within it S3's sequencer decides (upper-case, padded with zeros on the right).
    """
    moment = (
        newest(items, "created_at")
        or newest(items, "requested_at")
        or newest(items, "since")
        or _observed_at(items)
        or ""
    )
    sequencer = newest(items, "sequencer") or ""
    padded = sequencer.upper().ljust(_SEQUENCER_LENGTH, "0")
    version = items[0].version
    return moment[:19], padded, moment, version.version_id, version.bucket


def newest(items: VersionItems, name: str) -> Any:
    """The field of `State` as the most recently observed item that knows it has it, or None."""
    by_time = sorted(
        items, key=lambda item: (item.record.state.observed_at or "", item.destination)
    )
    known = [getattr(item.record.state, name) for item in by_time]
    return next((value for value in reversed(known) if value is not None), None)


def _observed_at(items: Sequence[Stored]) -> Instant | None:
    return max((found for item in items if (found := item.record.state.observed_at)), default=None)


def _destination(item: Stored, present: Present) -> Json:
    state = item.record.state
    completed = state.status is Status.COMPLETED
    return {
        "bucket": item.destination,
        "rule_id": state.rule_id,
        "status": state.status,
        "since": state.since,
        "evidence": state.evidence,
        "latency_seconds": _elapsed(state.requested_at, state.since) if completed else None,
        "late": bool(state.late),
        "stale": present.is_stale(state),
        "lost_at": state.lost_at,
        "failure": _failure(state),
    }


def _transition(destination: str, fact: Fact, before: Status | None, after: Status | None) -> Json:
    return {
        "destination": destination or None,
        "from": before,
        "to": after,
        "at": fact.at,
        "evidence": fact.evidence,
        "event_id": fact.id,
        "detail": fact.failure_code or fact.detail,
    }


def _failure(state: State) -> Json | None:
    if state.status is not Status.FAILED:
        return None
    return dict(explain(state.failure_code).as_json())


def _elapsed(start: Instant | None, end: Instant | None) -> float | None:
    """Seconds between, never negative: two clocks told these times."""
    if start is None or end is None:
        return None
    return max(0.0, times.seconds_between(start, end))
