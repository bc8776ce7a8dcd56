"""The watermark of a route: everything the tracker saw before it has arrived. Pure.

It is the oldest request that did not end in an arrival: of a version that is PENDING, that FAILED,
whenever it failed, or of which it is in doubt whether it is due. It never passes what was heard of
the ingest queue, nor what is known of the bucket's rules. Nothing outstanding: it is the least of
these and of the present. The index gives the first few of each shard, so finding it takes the same
few reads whatever the table holds.
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
"""What reaches to the present has to have been heard up to this long ago: a frontier is always a
few minutes old."""


class Reason(StrEnum):
    """Why an answer may not be all there is. The words are published; programs compare them."""

    RULES_NEVER_READ = "rules-never-read"
    NOTHING_HEARD_YET = "nothing-heard-yet"
    NOT_HEARD_YET = "not-heard-yet"
    """Of the end of the time asked for."""
    NOT_LISTED_BEFORE = "not-listed-before"
    """Objects from before the bucket was tracked."""
    NOT_TRACKED_YET = "not-tracked-yet"
    """At the beginning of the time asked for."""

    def detail(self, bucket: str) -> str:
        """The sentence for a person."""
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
        " to its end (s3rt backfill) ends that."
    ),
    Reason.NOT_TRACKED_YET: (
        "{bucket} was not tracked yet when the time asked for begins; nothing counted what"
        " happened before."
    ),
}


@dataclass(frozen=True, slots=True)
class Watermark:
    """`at`: what was asked for before has arrived. `held_back_by`: the oldest that have not,
    oldest first. `oldest_pending`: the first of those that are PENDING. `reason`: why what is
    said may not be all there is; None: it is."""

    at: Instant
    held_back_by: tuple[LedgerItem, ...]
    oldest_pending: LedgerItem | None
    reason: Reason | None

    def lag_seconds(self, now: Instant) -> float:
        return max(0.0, seconds_between(self.at, now))


def watermark(
    bucket: str,
    history: RuleHistory | None,
    oldest: Iterable[LedgerItem],
    now: Instant,
    frontier: Instant | None = None,
) -> Watermark:
    """`oldest`: at least the first few of each shard and status, in any order. `frontier`: how far
    the ingest queue was heard to its end; None: nobody knows."""
    lacking = sorted(
        {
            (since, stored.version, stored.destination): stored
            for stored in oldest
            if (since := stored.record.state.outstanding_since)
        }.items(),
        key=lambda found: found[0],
    )
    known = [now, *(since for (since, _, _), _ in lacking[:1]), *([frontier] if frontier else [])]
    if history is not None:
        # Before anything was heard, what was first recorded is all there is to go by.
        known += [history.tracking_since] if frontier is None and not lacking else []
        known += [history.certain_until] if history.certain_until else []
    pending = (one for _, one in lacking if one.record.state.status is Status.PENDING)
    return Watermark(
        min(known),
        tuple(stored for _, stored in lacking[:SHOWN]),
        next(pending, None),
        _reason(history, frontier),
    )


def _reason(history: RuleHistory | None, frontier: Instant | None) -> Reason | None:
    if history is None:
        return Reason.RULES_NEVER_READ
    if frontier is None:
        return Reason.NOTHING_HEARD_YET
    return None if history.listed else Reason.NOT_LISTED_BEFORE


def why_not_current(
    history: RuleHistory | None, frontier: Instant | None, now: Instant, until: Instant | None
) -> Reason | None:
    """Why not all is known that took place before `until` (None: until the present); None: it is.
    It reaches no further than the queue was heard and the rules are known for certain."""
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
    """Why a list of what began from `since` on (None: ever) and before `until` may lack something;
    None: it is complete."""
    if reason := why_not_current(history, frontier, now, until):
        return reason
    assert history is not None
    covered = history.listed or (since is not None and since >= history.tracking_since)
    return None if covered else Reason.NOT_LISTED_BEFORE
