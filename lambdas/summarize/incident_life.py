"""How an incident opens, grows and is resolved, and when a message is due. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from replication.counters.counter import (
    BenignKeys,
    FailureKind,
    ItemImage,
    changed_edges,
    failure_kind_at,
    failure_kind_of,
)
from replication.counters.incident import Incident, Sample, first_samples
from replication.ledger.edges import EdgeKind
from replication.times import Instant, seconds_between

GONE_SECONDS = 3_600.0
"""An incident whose objects are all deleted stays open so long after the last failure: otherwise a
route with short-lived objects would open and resolve one for each of them."""


class IncidentEvent(StrEnum):
    """What happened to an incident, in a message."""

    OPENED = "opened"
    GROWN = "grown"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True)
class KindDigest:
    """What some records of the stream say about one kind of failure.

    failures            new failures
    first_failed_at, last_failed_at     times of the first and last failure
    completed_at        when its rule last completed a replication
    samples             some of the versions that failed
    listed              failures that an inventory listed
    """

    failures: int = 0
    first_failed_at: Instant | None = None
    last_failed_at: Instant | None = None
    completed_at: Instant | None = None
    samples: tuple[Sample, ...] = ()
    listed: int = 0


@dataclass(slots=True)
class BatchDigest:
    """What a batch of stream records says.

    benign              which failures are benign
    failure_kinds       what it says about each kind of failure
    completed           when each rule (bucket, destination, rule id) last completed a replication
    """

    benign: BenignKeys
    failure_kinds: dict[FailureKind, KindDigest] = field(default_factory=dict)
    completed: dict[tuple[str, str, str], Instant] = field(default_factory=dict)

    def add(self, old: ItemImage | None, new: ItemImage | None) -> None:
        """Adds one change of an item."""
        for seen in (old, new):
            if seen and seen.listed and seen.state.failed_at:
                self.failure_kinds.setdefault(failure_kind_of(seen, self.benign), KindDigest())
        for sign, edge in changed_edges(old, new):
            if sign < 0 or new is None:
                continue
            if edge.kind is EdgeKind.FAILED:
                kind = failure_kind_at(new, edge, self.benign)
                known = self.failure_kinds.get(kind, KindDigest())
                self.failure_kinds[kind] = _with_failure(known, new, edge.at, quiet=edge.quiet)
            elif edge.kind is EdgeKind.COMPLETED:
                rule = (new.version.bucket, new.destination, new.state.rule_id or "")
                self.completed[rule] = max(edge.at, self.completed.get(rule, edge.at))

    def of(self, kind: FailureKind) -> KindDigest:
        rule = (kind.bucket, kind.destination, kind.rule_id)
        digest = self.failure_kinds.get(kind, KindDigest())
        return replace(digest, completed_at=self.completed.get(rule))


def _with_failure(known: KindDigest, item: ItemImage, at: Instant, *, quiet: bool) -> KindDigest:
    sample = Sample(item.version.key, item.version.version_id)
    return KindDigest(
        failures=known.failures + (not quiet),
        first_failed_at=min(at, known.first_failed_at or at),
        last_failed_at=max(at, known.last_failed_at or at),
        completed_at=known.completed_at,
        samples=first_samples((*known.samples, sample)),
        listed=known.listed + quiet,
    )


def after(
    current: Incident | None,
    kind: FailureKind,
    counted: Mapping[str, int],
    digest: KindDigest,
    now: Instant,
    new_id: str,
) -> Incident | None:
    """The incident of a kind after a batch; None: there is none. `counted` are the kind's counters,
    with the batch counted."""
    failing, failures = counted.get("failing", 0), counted.get("failures", 0)
    if current is None:
        if failing <= 0:
            return None
        began = digest.first_failed_at or now
        current = Incident(
            id=new_id,
            kind=kind,
            opened_at=now,
            first_failed_at=began,
            last_failed_at=digest.last_failed_at or began,
            # The stream had no records of failures that a recount found.
            failures_before=max(0, failures - max(digest.failures, failing)),
            quiet=digest.listed > 0 and digest.failures == 0,
        )
    elif current.resolved_at:
        return current
    unwell = max(0, failing) + max(0, counted.get("retrying", 0))
    recovered_at = current.recovered_at
    last = max(current.last_failed_at, digest.last_failed_at or current.last_failed_at)
    if recovered_at and recovered_at < last:
        recovered_at = None
    if recovered_at is None and digest.completed_at and digest.completed_at >= last:
        recovered_at = digest.completed_at
    return replace(
        current,
        first_failed_at=min(
            current.first_failed_at, digest.first_failed_at or current.first_failed_at
        ),
        last_failed_at=last,
        samples=first_samples((*current.samples, *digest.samples)),
        failures=max(failures - current.failures_before, failing),
        failing=failing,
        failing_bytes=counted.get("failing_bytes", 0),
        recovered_at=recovered_at,
        resolved_at=now
        if not unwell and (recovered_at or seconds_between(last, now) >= GONE_SECONDS)
        else None,
        quiet=current.quiet and digest.failures == 0,
    )


def due_event(incident: Incident) -> IncidentEvent | None:
    """The event that subscribers have to get a message about; None: there is none."""
    if incident.quiet:
        return None
    if incident.resolved_at:
        return IncidentEvent.RESOLVED
    if incident.level == 0:
        return IncidentEvent.OPENED
    return IncidentEvent.GROWN if level_of(incident) > incident.level else None


def with_level_announced(incident: Incident) -> Incident:
    """The incident after its message was sent."""
    return replace(incident, level=max(incident.level, level_of(incident)))


def level_of(incident: Incident) -> int:
    """The greatest power of ten within the failures; at least 1."""
    return int(10 ** (len(str(max(1, incident.failures))) - 1))
