"""The watermark of a route: every version that was requested before it has arrived.

It is the oldest request without an arrival: of a version that is PENDING or FAILED, or that may go
to the destination. It is never later than the ingest frontier, the time up to which events are
recorded, or than the time up to which the bucket's rules are known. With nothing outstanding it is
the earliest of these and the present. The lag index gives the first few versions of each shard, so
finding it takes a few reads, whatever the size of the table.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from replication.ledger.item import LedgerItem
from replication.s3.rule_history import RuleHistory
from replication.s3.status import Status
from replication.times import Instant, plus, seconds_between

SHOWN = 5
"""How many of the oldest outstanding versions are named."""
PRESENT_SECONDS = 600.0
"""An answer up to the present counts as complete when the ingest frontier is younger than this: it
is always a few minutes old."""


class Reason(StrEnum):
    """Why an answer may not be all there is. The words are published; programs compare them."""

    RULES_NEVER_READ = "rules-never-read"
    NOTHING_HEARD_YET = "nothing-heard-yet"
    """There is no ingest frontier yet."""
    NOT_HEARD_YET = "not-heard-yet"
    """The requested time ends after the ingest frontier."""
    NOT_LISTED_BEFORE = "not-listed-before"
    """Objects from before the bucket was tracked were never recorded."""
    EVENTS_MISSED = "events-missed"
    """The events of the bucket were switched off, or not passed on, within the requested time."""
    NOT_TRACKED_YET = "not-tracked-yet"
    """The requested time begins before the bucket was tracked."""
    MORE_TO_READ = "more-to-read"
    """The bound of one request was reached."""
    NO_RULE = "no-rule"
    """No replication rule sends it there."""
    NOT_TRACKED = "not-tracked"
    """Nothing is known of such an object version."""
    DELETED = "deleted"
    """The version was deleted for good."""
    REPLICA_LOST = "replica-lost"
    """The replica was deleted at the destination."""
    TOO_MANY_VERSIONS = "too-many-versions"
    """The key has more versions than one request reads."""

    def detail(self, bucket: str) -> str:
        """The reason as a sentence for a person."""
        return _DETAILS[self].format(bucket=bucket)


_DETAILS = {
    Reason.RULES_NEVER_READ: (
        "The replication configuration of {bucket} was never read, so there may be more"
        " destinations and objects than these."
    ),
    Reason.NOTHING_HEARD_YET: (
        "The tracker has not worked off a refresh message yet, so it cannot tell how far it has"
        " heard. That takes a few minutes after a deployment."
    ),
    Reason.NOT_HEARD_YET: (
        "Events of {bucket} from the end of the time asked for may still lie in the ingest queue."
    ),
    Reason.NOT_LISTED_BEFORE: (
        "What {bucket} held before it was tracked was never listed; reading an S3 Inventory of it"
        " to its end (s3rt backfill) ends that. The first ten minutes count as before: S3 takes"
        " some of them to begin sending events."
    ),
    Reason.EVENTS_MISSED: (
        "The events of {bucket} were or are switched off (s3rt doctor says where), so what was"
        " written meanwhile may be unknown; reading an S3 Inventory made afterwards to its end"
        " (s3rt backfill) ends that."
    ),
    Reason.NOT_TRACKED_YET: (
        "{bucket} was not tracked yet when the time asked for begins; nothing counted what"
        " happened before."
    ),
    Reason.MORE_TO_READ: (
        "So many versions of {bucket} are outstanding that one request does not read all of them;"
        " ask on with next_cursor, or for a shorter time."
    ),
    Reason.NO_RULE: (
        "No replication rule of {bucket} sends it there, so it never arrives; s3rt buckets lists"
        " the rules."
    ),
    Reason.NOT_TRACKED: (
        "Nothing is known of such an object version in {bucket}: it was never written, was written"
        " before the bucket was tracked, was deleted long ago, or was forgotten after it arrived."
    ),
    Reason.DELETED: "The version was deleted for good in {bucket}, so it need not arrive.",
    Reason.REPLICA_LOST: (
        "It had arrived, and was then deleted at the destination; copy it there again, or write a"
        " new version in {bucket}."
    ),
    Reason.TOO_MANY_VERSIONS: (
        "The key has too many versions in {bucket} to find the newest; name its version_id."
    ),
}


@dataclass(frozen=True, slots=True)
class Watermark:
    """Up to when a route has replicated everything, and what holds it back."""

    at: Instant
    """Every version requested before has arrived."""
    held_back_by: tuple[LedgerItem, ...]
    """The oldest outstanding versions, at most `SHOWN`, oldest first."""
    oldest_pending: LedgerItem | None
    """The oldest that is PENDING."""
    reason: Reason | None
    """Why this may be incomplete; None: it is complete."""

    def lag_seconds(self, now: Instant) -> float:
        """How far the watermark is behind `now`."""
        return max(0.0, seconds_between(self.at, now))


def watermark(
    bucket: str,
    history: RuleHistory | None,
    oldest: Iterable[LedgerItem],
    now: Instant,
    frontier: Instant | None = None,
) -> Watermark:
    """The watermark of a route of `bucket`.

    history   its rules; None: never read
    oldest    at least the first few outstanding items of each shard and status, in any order
    frontier  every event sent before is recorded; None: unknown
    """
    outstanding = sorted(
        {
            (since, stored.version, stored.destination): stored
            for stored in oldest
            if (since := stored.record.state.outstanding_since)
        }.items(),
        key=lambda found: found[0],
    )
    known = [
        now,
        *(since for (since, _, _), _ in outstanding[:1]),
        *([frontier] if frontier else []),
    ]
    if history is not None:
        # Without a frontier and anything outstanding, only the first read is certain.
        known += [history.first_read_at] if frontier is None and not outstanding else []
        known += [history.certain_until] if history.certain_until else []
    pending = (one for _, one in outstanding if one.record.state.status is Status.PENDING)
    return Watermark(
        min(known),
        tuple(stored for _, stored in outstanding[:SHOWN]),
        next(pending, None),
        _reason(history, frontier),
    )


def _reason(history: RuleHistory | None, frontier: Instant | None) -> Reason | None:
    if history is None:
        return Reason.RULES_NEVER_READ
    if frontier is None:
        return Reason.NOTHING_HEARD_YET
    return why_missing(history)


def why_missing(history: RuleHistory, since: Instant | None = None) -> Reason | None:
    """Why something written from `since` on (None: ever) may be neither reported nor listed; None:
    nothing is missing."""
    if history.missed_until and (since is None or since < history.missed_until):
        return Reason.EVENTS_MISSED
    covered = history.listed or (since is not None and since >= history.tracking_since)
    return None if covered else Reason.NOT_LISTED_BEFORE


def why_not_current(
    history: RuleHistory | None, frontier: Instant | None, now: Instant, until: Instant | None
) -> Reason | None:
    """Why not everything before `until` (None: the present) may be recorded yet; None: it is. The
    ingest frontier, and the time up to which the rules are known, must lie behind it."""
    if history is None:
        return Reason.RULES_NEVER_READ
    if frontier is None:
        return Reason.NOTHING_HEARD_YET
    reach = min(frontier, history.certain_until or frontier)
    return Reason.NOT_HEARD_YET if reach < (until or plus(now, -PRESENT_SECONDS)) else None


def why_incomplete(
    history: RuleHistory | None,
    frontier: Instant | None,
    now: Instant,
    since: Instant | None = None,
    until: Instant | None = None,
) -> Reason | None:
    """Why a list of what began from `since` on (None: ever) and before `until` (None: the present)
    may be incomplete; None: it is complete."""
    if reason := why_not_current(history, frontier, now, until):
        return reason
    assert history is not None
    return why_missing(history, since)
