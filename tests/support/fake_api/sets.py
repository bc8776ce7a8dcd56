"""The answers about sets of versions, as JSON values."""

import json
from collections import Counter
from typing import Any

from replication.ledger.item import LedgerItem
from replication.ledger.watermark import Reason
from replication.published import row
from replication.s3.status import Status
from tests.support.fake_api.answers import Json, Query, tracked
from tests.support.fake_api.world import World

_STATES = {Status.COMPLETED: "arrived", Status.PENDING: "pending", Status.FAILED: "failed"}


def of_prefix(world: World, bucket: str, query: Query) -> Json:
    tracked(world, bucket)
    until = query.get("until", world.now)
    found = [
        one
        for one in _of(world, bucket, query)
        if one.version.key.startswith(query.get("prefix", ""))
        and (one.record.state.requested_at or "") < until
    ]
    missing = [one for one in found if one.record.state.outstanding_since]
    heard = until <= world.heard_until
    return _answer(world, bucket, query, missing, None if heard else "not-heard-yet") | {
        "prefix": query.get("prefix"),
        "since": query.get("since"),
        "seen": True if heard and found and not missing else None,
    }


def of_manifest(world: World, bucket: str, query: Query, body: bytes) -> Json:
    tracked(world, bucket)
    items = _of(world, bucket, query)
    states: list[str] = []
    missing: list[LedgerItem] = []
    for named in json.loads(body)["objects"]:
        own = [one for one in items if one.version.key == named["key"]]
        worst = max(own, key=lambda one: str(one.record.state.status), default=None)
        status = worst and worst.record.state.status
        states.append(_STATES[status] if status else "not-tracked")
        missing += [worst] if worst and status is not Status.COMPLETED else []
    unknown = "not-tracked" if "not-tracked" in states else None
    counts = Counter(states)
    answer = _answer(world, bucket, query, missing, unknown)
    answer["counts"] |= {
        "total": len(states),
        "arrived": counts["arrived"],
        "unknown": counts["not-tracked"],
    }
    return answer | {"objects": states, "seen": True if counts["arrived"] else None}


def _of(world: World, bucket: str, query: Query) -> list[LedgerItem]:
    wanted = query.get("destination")
    return [
        one
        for one in world.items
        if one.version.bucket == bucket and wanted in (None, one.destination)
    ]


def _answer(
    world: World, bucket: str, query: Query, missing: list[LedgerItem], why: str | None
) -> Json:
    missing = sorted(missing, key=lambda one: one.record.state.outstanding_since or "")
    rows: list[Any] = [row.row(one, world.present) for one in missing]
    statuses = Counter(one["status"] for one in rows)
    return {
        "bucket": bucket,
        "destination": query.get("destination"),
        "prefix": None,
        "since": None,
        "until": query.get("until", world.now),
        "as_of": world.now,
        "heard_until": world.heard_until,
        "arrived": False if missing else None if why else True,
        "counts": {
            "total": None,
            "arrived": None,
            "pending": statuses[Status.PENDING],
            "failed": statuses[Status.FAILED],
            "in_doubt": 0,
            "unknown": None,
        },
        "oldest_pending": next((one for one in rows if one["status"] == Status.PENDING), None),
        "failures": [one for one in rows if one["status"] == Status.FAILED][:5],
        "objects": None,
        "next_cursor": None,
        "complete": why is None,
        "reason": why,
        "reason_detail": why and Reason(why).detail(bucket),
    }
