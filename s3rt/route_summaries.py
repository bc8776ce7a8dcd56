"""How every route (source bucket to destination) stands, from the API's summary. What is not known
is None."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

from replication.s3.status import Status
from s3rt.api import Api

BEHIND_SECONDS = 15 * 60
"""S3's own replication time threshold. A younger backlog is replication at work."""

PLACES = ("source_region", "source_account", "destination_region", "destination_account")
QUANTILES = ("p50", "p90", "p99")
Latency = Mapping[str, float | None]
Counts = Mapping[str, int | None]

_NO_COUNTS: Counts = {status.value: None for status in Status}
_NO_LATENCY: Latency = dict.fromkeys(QUANTILES)


class RouteState(StrEnum):
    """The word for a route, worst first."""

    FAILING = "failing"
    BEHIND = "behind"
    UNKNOWN = "unknown"
    REPLICATING = "replicating"
    CLEAR = "clear"


@dataclass(frozen=True, slots=True)
class RouteSummary:
    """One source and one destination; None is unknown. Times are RFC 3339. `watermark`: what the
    tracker saw before then has arrived. `heard_until`: how far it heard. `destination` is None
    where no configuration was read, and of what is in doubt and nobody knows where it may go."""

    source: str
    destination: str | None
    counts: Counts = field(default_factory=lambda: _NO_COUNTS)
    bytes: Counts = field(default_factory=lambda: _NO_COUNTS)
    in_doubt: int | None = None
    """How many S3 is asked about, because it is in doubt whether they go there."""
    failing: bool | None = None
    oldest_pending: str | None = None
    oldest_pending_seconds: float | None = None
    oldest_pending_key: str | None = None
    watermark: str | None = None
    lag_seconds: float | None = None
    held_back_by: str | None = None
    """The key of the oldest object that has not arrived."""
    latency_hour: Latency = field(default_factory=lambda: _NO_LATENCY)
    latency_day: Latency = field(default_factory=lambda: _NO_LATENCY)
    source_region: str | None = None
    source_account: str | None = None
    destination_region: str | None = None
    destination_account: str | None = None
    heard_until: str | None = None
    complete: bool = False
    reason: str | None = None
    """Why the answer is not complete, as the API's own word."""
    reason_detail: str | None = None
    """The same as a sentence."""

    @property
    def elsewhere(self) -> str:
        """Region and account of the destination, as far as they are not those of the source."""
        ends = (
            (self.destination_region, self.source_region),
            (self.destination_account, self.source_account),
        )
        return " ".join(there for there, here in ends if there and there != here)

    @property
    def state(self) -> RouteState:
        if self.failing:
            return RouteState.FAILING
        if (self.oldest_pending_seconds or 0) >= BEHIND_SECONDS:
            return RouteState.BEHIND
        if self.failing is None:
            return RouteState.UNKNOWN
        return RouteState.REPLICATING if self.oldest_pending or self.in_doubt else RouteState.CLEAR

    def as_json(self) -> dict[str, Any]:
        return {"state": self.state.value, **asdict(self)}


def read(api: Api, bucket: str | None = None) -> list[RouteSummary]:
    """Of every tracked source bucket, or of one. A bucket that is none gets the API's problem."""
    known = [one for page in api.pages("/v1/buckets") for one in page["items"]]
    if bucket is not None and not any(one["bucket"] == bucket for one in known):
        api.get(f"/v1/buckets/{bucket}/objects", limit=1)
    wanted = [
        one
        for one in known
        if one["role"] != "destination" and (bucket is None or one["bucket"] == bucket)
    ]
    return [route for one in wanted for route in _of_bucket(api, one)]


def _of_bucket(api: Api, bucket: dict[str, Any]) -> Iterator[RouteSummary]:
    summary = api.get(f"/v1/buckets/{bucket['bucket']}/summary")
    heard_until = summary["heard_until"]
    yield from (_from_summary(api, one, heard_until) for one in summary["destinations"])
    if not summary["destinations"] and not bucket["destinations"]:
        yield RouteSummary(
            bucket["bucket"],
            None,
            reason_detail="Its replication configuration was never read."
            if bucket["destinations"] is None
            else "No replication rule names a destination.",
        )


def _from_summary(api: Api, one: dict[str, Any], heard_until: str | None) -> RouteSummary:
    counts, pending, mark = one["counts"], one["oldest_pending"], one["watermark"]
    if pending is None and counts["pending"]["count"]:
        # Older failures hold the watermark back; the summary names no pending object then.
        filters = {"status": Status.PENDING, "destination": one["destination"], "limit": 1}
        pending = _first(api.get(f"/v1/buckets/{one['source']}/objects", **filters))
    pending = pending or {}
    held = mark["held_back_by"]
    return RouteSummary(
        one["source"],
        one["destination"],
        **{name: one[name] for name in PLACES},
        counts={status.value: counts[status.lower()]["count"] for status in Status},
        bytes={status.value: counts[status.lower()]["bytes"] for status in Status},
        in_doubt=counts["in_doubt"]["count"],
        failing=counts["failed"]["count"] > 0,
        oldest_pending=pending.get("since"),
        oldest_pending_seconds=pending.get("age_seconds"),
        oldest_pending_key=pending.get("key"),
        watermark=mark["at"],
        lag_seconds=mark["lag_seconds"],
        held_back_by=held[0]["key"] if held else None,
        latency_hour={name: one["latency"]["last_hour"][name] for name in QUANTILES},
        latency_day={name: one["latency"]["last_day"][name] for name in QUANTILES},
        heard_until=heard_until,
        complete=mark["complete"],
        reason=mark["reason"],
        reason_detail=mark["reason_detail"],
    )


def _first(page: Any) -> Any:
    """The first row, or None. A page may be empty and have a next one only if filters hide rows,
    which status and destination do not: they choose what is read."""
    return page["items"][0] if page["items"] else None
