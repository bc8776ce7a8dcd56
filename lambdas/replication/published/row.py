"""JSON objects of the API and of announcements, made from items of the ledger.

    tracked_object   one object version in its source or in one of its destinations
    summary          the same without `transitions`, for lists of versions
    row              one version at one destination, for lists and announcements
    tracked_bucket   a bucket with its rules

The `schemas.py` of each resource in `query` describe the fields; the query function validates every
answer against them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from replication import times
from replication.ledger import version_items
from replication.ledger.fact import Fact
from replication.ledger.fold import steps
from replication.ledger.item import LedgerItem
from replication.ledger.latency import latency
from replication.ledger.schedule import Schedule
from replication.ledger.state import State
from replication.ledger.version_items import VersionItems, newest, observed_at
from replication.s3.evidence import EVENTS, Evidence
from replication.s3.failure_reasons import explain
from replication.s3.rule_history import RuleHistory
from replication.s3.rules import Rule
from replication.s3.status import REPLICA, Status
from replication.times import EARLIEST, Instant, end_of_second
from replication.topology import Topology

Json = dict[str, Any]

STALE_SECONDS = Schedule().stale_seconds
"""Age from which a PENDING version is stale, with the default settings."""

_ROLES = {
    (True, True): "source_and_destination",
    (True, False): "source",
    (False, True): "destination",
}


@dataclass(frozen=True, slots=True)
class AsOf:
    """The time of an answer, and what depends on it: ages, and what is stale or in doubt."""

    now: Instant
    stale_seconds: float = STALE_SECONDS
    """Age from which a PENDING version is stale: S3 has neither replicated it nor reported it as
    FAILED."""
    certain_until: Mapping[str, Instant | None] = field(default_factory=dict)
    """Up to when the rules of a bucket are known (`certainty`); None or absent: up to now."""
    forgotten_before: Instant | None = None
    """COMPLETED versions of which nothing was heard since may be missing; None: none is."""

    def age(self, state: State) -> float | None:
        """Seconds since the request of a PENDING version, else since its status began; None:
        unknown."""
        waiting = state.status is Status.PENDING
        return _elapsed(state.outstanding_since if waiting else state.since, self.now)

    def is_stale(self, state: State) -> bool:
        """Whether the version is PENDING for longer than `stale_seconds`."""
        return state.status is Status.PENDING and (self.age(state) or 0) >= self.stale_seconds

    def in_doubt(self, item: LedgerItem, created_at: Instant | None = None) -> bool:
        """Whether it is not certain that the version goes to this destination: the item says so, or
        the rules were not read since it was written. `created_at` is the time of the write, if
        another item of the version has it."""
        state = item.record.state
        if state.in_doubt or state.deleted_at:
            return bool(state.in_doubt)
        certain_until = self.certain_until.get(item.version.bucket)
        written_at = created_at or state.created_at or state.requested_at or state.since
        # Most of S3's times are whole seconds: the write may be of the end of its second.
        return bool(certain_until and written_at and end_of_second(written_at) > certain_until)


def certainty(histories: Mapping[str, RuleHistory | None]) -> dict[str, Instant | None]:
    """Up to when the rules of each bucket are known, for `AsOf`; None: up to now."""
    return {
        bucket: history.certain_until if history else EARLIEST
        for bucket, history in histories.items()
    }


def tracked_object(items: VersionItems, bucket: str, present: AsOf) -> Json:
    """The version in `bucket`, its source or a destination that has it (`holds`)."""
    concerned = items
    if bucket != items[0].version.bucket:
        concerned = [item for item in items if item.destination == bucket]
    return summary(items, bucket, present) | {
        "transitions": transitions(concerned),
        "forgotten_before": present.forgotten_before,
    }


def summary(items: VersionItems, bucket: str, present: AsOf) -> Json:
    """The version in `bucket`, without its transitions."""
    if bucket == items[0].version.bucket and not version_items.is_unsourced(items):
        return _source(items, present)
    return _replica(items, bucket)


def _source(items: VersionItems, present: AsOf) -> Json:
    version = items[0].version
    created_at, deleted_at = newest(items, "created_at"), version_items.deleted_at(items)
    in_doubt = any(present.in_doubt(item, created_at) for item in items)
    return {
        "bucket": version.bucket,
        "key": version.key,
        "version_id": version.version_id,
        "role": "source",
        "replication_status": version_items.replication_status(items),
        "eligible": version_items.is_eligible(items, in_doubt=in_doubt),
        "in_doubt": in_doubt and deleted_at is None,  # no read decides what is gone
        "delete_marker": bool(newest(items, "delete_marker")),
        "size": newest(items, "size"),
        "etag": newest(items, "etag"),
        "created_at": created_at,
        "observed_at": observed_at(items),
        "deleted_at": deleted_at,
        "source": None,
        "destinations": [
            _destination(item, present, created_at) for item in version_items.destinations(items)
        ],
    }


def _replica(items: VersionItems, bucket: str) -> Json:
    version = items[0].version
    return {
        "bucket": bucket,
        "key": version.key,
        "version_id": version.version_id,
        "role": "replica",
        "replication_status": REPLICA,
        # Rules do not replicate replicas, and how this one came here is no matter of rules.
        "eligible": None,
        "in_doubt": False,
        "delete_marker": bool(newest(items, "delete_marker")),
        "size": newest(items, "size"),
        # With other encryption at the destination the replica has another ETag than the source.
        "etag": None,
        # S3 copies LastModified to the replica.
        "created_at": newest(items, "created_at"),
        "observed_at": observed_at([item for item in items if item.destination == bucket]),
        # S3 does not replicate the deletion of a version.
        "deleted_at": None,
        "source": None
        if version_items.is_unsourced(items)
        else {
            "bucket": version.bucket,
            "key": version.key,
            "version_id": version.version_id,
        },
        "destinations": [],
    }


_ALWAYS_LISTED = frozenset({Evidence.BATCH_REPORT, Evidence.REPLICA_CREATED})


def transitions(items: Sequence[LedgerItem]) -> list[Json]:
    """Every change of a status at a destination, oldest first, from folding the facts again. Also
    listed, whether they changed the status or not: every task of a job about the version, and the
    destination's own event of its replica.

    Changes of facts folded into the base are lost: the first entry then begins with the status of
    the base.
    """
    changes = [
        (fact.order, item.destination, _transition(item.destination, fact, before, after))
        for item in items
        for fact, before, after in steps(item.record, item.base)
        if after.status is not before.status or fact.evidence in _ALWAYS_LISTED
    ]
    return [change for _, _, change in sorted(changes, key=lambda found: found[:2])]


def row(item: LedgerItem, present: AsOf) -> Json:
    """One version at one destination; `destination` is null if none is known."""
    version, state = item.version, item.record.state
    return {
        "bucket": version.bucket,
        "key": version.key,
        "version_id": version.version_id,
        "destination": item.destination or None,
        "rule_id": state.rule_id,
        "status": state.status,
        "in_doubt": present.in_doubt(item),
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
    histories: Mapping[str, RuleHistory | None],
    topology: Topology,
) -> Json:
    """A tracked bucket with its rules.

    histories   every source bucket; None where its configuration was never read
    topology    the buckets that the tracker was deployed with
    """
    history = histories.get(name)
    sources = [
        other for other, found in sorted(histories.items()) if found and name in found.destinations
    ]
    is_destination = name in topology.destinations or bool(sources)
    return {
        "bucket": name,
        "role": _ROLES[name in histories, is_destination],
        "region": topology.place(name).region,
        "account": topology.place(name).account,
        "tracking_since": history.tracking_since if history else None,
        "rules": [_rule(rule, history) for rule in history.current.rules] if history else None,
        "destinations": list(history.destinations) if history else None,
        "sources": sources,
    }


def _rule(rule: Rule, history: RuleHistory) -> Json:
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


def _destination(item: LedgerItem, present: AsOf, created_at: Instant | None = None) -> Json:
    state = item.record.state
    return {
        "bucket": item.destination,
        "rule_id": state.rule_id,
        "status": state.status,
        "in_doubt": present.in_doubt(item, created_at),
        "since": state.since,
        "evidence": state.evidence,
        "latency_seconds": _latency(state),
        "late": bool(state.late),
        "stale": present.is_stale(state),
        "lost_at": state.lost_at,
        "failure": _failure(state),
    }


def _latency(state: State) -> float | None:
    """Seconds from request to arrival; None if no event says when it arrived."""
    if state.status is not Status.COMPLETED or state.evidence not in EVENTS:
        return None
    if state.requested_at is None or state.since is None:
        return None
    return latency(state.requested_at, state.since)


def _transition(destination: str, fact: Fact, before: State, after: State) -> Json:
    return {
        "destination": destination or None,
        "from": before.status,
        "to": after.status,
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
    """Seconds between, never negative although the times are of two clocks."""
    if start is None or end is None:
        return None
    return max(0.0, times.seconds_between(start, end))
