"""The watermark of a route: everything the tracker saw before it has arrived. Pure.

It is the oldest request that did not end in an arrival: of a version that is PENDING, or that
FAILED, whenever it failed. Nothing outstanding: it is the present. The index gives the first few of
each shard, so finding it takes the same few reads whatever the table holds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import assert_never

from replication.configuration import History
from replication.status import Status
from replication.stored import Stored
from replication.times import Instant, seconds_between

SHOWN = 5
"""How many of the oldest outstanding versions are named."""


@dataclass(frozen=True, slots=True)
class Watermark:
    """`at`: what was asked for before has arrived. `held_back_by`: the oldest that have not,
    oldest first. `oldest_pending`: the first of those that did not fail. `reason`: why what is
    said may not be all there is; None: it is."""

    at: Instant
    held_back_by: tuple[Stored, ...]
    oldest_pending: Stored | None
    reason: str | None

    def lag_seconds(self, now: Instant) -> float:
        return max(0.0, seconds_between(self.at, now))


def held(status: Status, since: Instant, requested_at: Instant | None) -> Instant | None:
    """Since when the destination lacks a version, where `since` does not tell: of one that FAILED
    it is the time of the failure, of one found PENDING that of the look. None: it does tell, or
    nothing is lacking, so a common life never enters this index."""
    match status:
        case Status.COMPLETED:
            return None
        case Status.FAILED:
            return requested_at or since
        case Status.PENDING:
            return requested_at if requested_at and requested_at < since else None
        case _:
            assert_never(status)


def lacking_since(stored: Stored) -> Instant | None:
    """Since when the destination lacks the version; None: it has it."""
    state = stored.record.state
    if state.status is None or state.since is None:
        return None
    found = held(state.status, state.since, state.requested_at)
    return found or (state.since if state.status is Status.PENDING else None)


def watermark(
    bucket: str, history: History | None, oldest: Iterable[Stored], now: Instant
) -> Watermark:
    """`oldest`: at least the first few of each shard and status, in any order."""
    lacking = sorted(
        {
            (since, stored.version, stored.destination): stored
            for stored in oldest
            if (since := lacking_since(stored))
        }.items(),
        key=lambda found: found[0],
    )
    at = min(now, lacking[0][0][0]) if lacking else now
    held_back_by = tuple(stored for _, stored in lacking[:SHOWN])
    pending = (one for _, one in lacking if one.record.state.status is Status.PENDING)
    return Watermark(at, held_back_by, next(pending, None), unknown_before(bucket, history, at))


def unknown_before(bucket: str, history: History | None, since: Instant) -> str | None:
    """Why the tracker cannot know all that took place at `bucket` from `since` on; None: it can."""
    if history is None:
        return (
            f"The replication configuration of {bucket} was never read, so there may be more"
            " destinations and objects than these."
        )
    if since < history.tracking_since:
        return (
            f"{bucket} is tracked since {history.tracking_since}; of what was before, only what an"
            " inventory listed is known."
        )
    return None
