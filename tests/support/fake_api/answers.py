"""The answers to the routes, as JSON values."""

import base64
from collections.abc import Callable, Mapping
from typing import Any

from replication.ledger.item import LedgerItem
from replication.ledger.version_items import holds
from replication.published import row as published_row
from replication.s3 import bucket_setup
from tests.support.fake_api.world import TOPOLOGY, World

Query = Mapping[str, str]
Json = dict[str, Any]


class Refused(Exception):
    """A problem: its name, its HTTP status and what it says."""

    def __init__(self, name: str, status: int, detail: str, parameter: str | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.body: Json = {
            "type": f"urn:problem:s3-replication-tracker:{name}",
            "title": name.replace("-", " ").capitalize(),
            "status": status,
            "detail": detail,
        } | ({"parameter": parameter} if parameter else {})


def buckets(world: World, query: Query) -> Json:
    return page(world.buckets, query, complete=False)


def findings(world: World, query: Query) -> Json:
    found = bucket_setup.findings(world.histories, TOPOLOGY, [], {})
    return page([one.as_json() for one in found], query, complete=False)


def objects(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    status = query.get("status")
    default = "oldest" if status == "PENDING" else "newest"
    newest_first = query.get("order", default) in ("newest", "desc")
    items = [one for one in world.items if bucket in _ends(one) and _is_listed(one)]
    rows = [published_row.row(one, world.present) for one in items]
    wanted = sorted(
        (row for row in rows if _matches(row, query)),
        key=lambda row: (row["since"], row["key"], row["destination"] or ""),
        reverse=newest_first,
    )
    return page(wanted, query) | {"heard_until": world.heard_until, "forgotten_before": None}


def tracked_object(world: World, bucket: str, query: Query) -> Json:
    return published_row.tracked_object(_versions(world, bucket, query)[0], bucket, world.present)


def versions(world: World, bucket: str, query: Query) -> Json:
    shown = [
        published_row.summary(one, bucket, world.present) for one in _versions(world, bucket, query)
    ]
    return page(shown, query) | {"heard_until": world.heard_until, "forgotten_before": None}


def waited(world: World, bucket: str, query: Query) -> Json:
    found = tracked_object(world, bucket, query)
    return found | {"timed_out": found["replication_status"] == "PENDING"}


def tracked(world: World, bucket: str) -> None:
    if bucket not in {one["bucket"] for one in world.buckets}:
        detail = "This tracker was not deployed for a bucket of this name."
        raise Refused("bucket-not-tracked", 404, detail, "bucket")


def _versions(world: World, bucket: str, query: Query) -> list[list[LedgerItem]]:
    tracked(world, bucket)
    if "key" not in query:
        raise Refused("invalid-parameter", 400, "key is missing.", "key")
    found: dict[str, list[LedgerItem]] = {}
    for one in world.items:
        asked = query.get("version_id", one.version.version_id) == one.version.version_id
        if one.version.key == query["key"] and asked:
            found.setdefault(one.version.version_id, []).append(one)
    held = [
        items
        for items in found.values()
        if items[0].version.bucket == bucket or holds(items, bucket)
    ]
    if not held:
        detail = f"Nothing is known of such an object in {bucket}."
        raise Refused("object-not-tracked", 404, detail, "key")
    return held


def _ends(one: LedgerItem) -> tuple[str, str]:
    return one.version.bucket, one.destination


def _is_listed(one: LedgerItem) -> bool:
    state = one.record.state
    return bool(state.in_doubt or (state.status and one.destination))


_TESTS: Mapping[str, Callable[[Json, str], bool]] = {
    "status": lambda row, value: row["status"] == value,
    "destination": lambda row, value: row["destination"] == value,
    "rule_id": lambda row, value: row["rule_id"] == value,
    "reason": lambda row, value: bool(row["failure"] and row["failure"]["code"] == value),
    "prefix": lambda row, value: str(row["key"]).startswith(value),
    "since": lambda row, value: str(row["since"]) >= value,
    "until": lambda row, value: str(row["since"]) < value,
    "flag": lambda row, value: bool(row[{"replica_lost": "lost_at"}.get(value, value)]),
}


def _matches(row: Json, query: Query) -> bool:
    return all(test(row, query[name]) for name, test in _TESTS.items() if name in query)


def page(items: list[Any], query: Query, *, complete: bool = True) -> Json:
    limit = int(query.get("limit", 100))
    if not 1 <= limit <= 1_000:
        raise Refused("invalid-parameter", 400, f"limit: {limit} is not from 1 to 1000.", "limit")
    try:
        start = int(base64.b64decode(query["cursor"])) if "cursor" in query else 0
    except ValueError:
        raise Refused("invalid-cursor", 400, "The cursor was changed.", "cursor") from None
    end = start + limit
    more = end < len(items)
    return {
        "items": items[start:end],
        "next_cursor": base64.b64encode(str(end).encode()).decode() if more else None,
        "complete": complete,
    }
