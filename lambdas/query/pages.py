"""One page of each list: what to read, where to go on, and whether anything may be missing."""

import heapq
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from query import cursor
from query.concerns import Concerned, concerned_by, reason, routes_of
from query.parameters import Flag
from query.problems import INVALID_CURSOR, Problem
from query.service import Service
from replication import doctor, listing, times, views
from replication.listing import Filters, Position
from replication.status import Status
from replication.times import Instant
from replication.views import Json

ANSWER_BYTES = 5_000_000
"""Lambda returns at most 6 MB, counted after the body was put into another JSON text."""

_TIE = re.compile(r"[0-9a-f]{16}", re.ASCII)

Scope = Mapping[str, object]


def buckets(service: Service, limit: int, cursor_text: str | None) -> Json:
    scope: Scope = {"list": "buckets"}
    after = decode(cursor_text, scope, 1)
    histories = service.histories()
    names = [name for name in sorted(service.settings.tracked) if not after or name > after[0]]
    items = [
        views.tracked_bucket(name, histories, service.settings.destination_buckets)
        for name in names[:limit]
    ]
    fitting = _fitting(items)
    more = fitting < len(names)
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode([names[fitting - 1]], scope) if more else None,
        "complete": all(histories.values()),
    }


def findings(service: Service) -> Json:
    """All at once: there are a few per tracked bucket, and of those at most sixty."""
    histories, findings = service.histories(), service.findings
    found = doctor.examine(
        histories, service.settings.destination_buckets, findings.load(), findings.setups()
    )
    return {
        "items": [finding.as_json() for finding in found],
        "next_cursor": None,
        "complete": all(histories.values()),
    }


def versions(
    service: Service, bucket: str, key: str, limit: int, cursor_text: str | None, *, deleted: bool
) -> Json:
    """`deleted`: with those that were deleted for good. NotTracked when there is none."""
    scope: Scope = {"list": "versions", "bucket": bucket, "key": key, "deleted": deleted}
    before = decode(cursor_text, scope, 5)
    newest = heapq.nlargest(
        limit + 1,
        (
            (age, items)
            for age, items in service.lookup.versions(bucket, key, deleted=deleted)
            if not before or age < before
        ),
        key=lambda version: version[0],
    )
    if not newest and not before:
        raise service.lookup.absence(bucket, key)
    present = service.present()
    items = [views.summary(items, bucket, present) for _, items in newest[:limit]]
    fitting = _fitting(items)
    more = fitting < len(newest)
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode(newest[fitting - 1][0], scope) if more else None,
        **_completeness(service, concerned_by(service, bucket)),
    }


@dataclass(frozen=True, slots=True)
class Question:
    """The filters of a list of rows as they were asked for; a cursor is bound to them."""

    bucket: str
    status: Status | None
    destination: str | None
    rule_id: str | None
    reason: str | None
    prefix: str | None
    since: Instant | None
    until: Instant | None
    newest_first: bool
    flag: Flag | None = None


def rows(service: Service, question: Question, limit: int, cursor_text: str | None) -> Json:
    scope: Scope = {"list": "objects", **asdict(question)}
    after = decode(cursor_text, scope, 2, _is_position)
    concerned = concerned_by(service, question.bucket)
    page = listing.page(
        _filters(service, question, concerned),
        service.ledger.fetch,
        shards=service.settings.shards,
        after=Position(*after) if after else None,
        limit=limit,
    )
    present = service.present()
    items = [views.row(stored, present) for _, stored in page.rows]
    fitting = _fitting(items)
    following = page.next if fitting == len(items) else page.rows[fitting - 1][0]
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode(following, scope) if following else None,
        **_completeness(service, concerned, question.since, question.until),
    }


def _filters(service: Service, question: Question, concerned: Concerned) -> Filters:
    statuses = {question.status} if question.status else {*Status, None}
    asked_before = None
    if question.reason is not None:
        statuses &= {Status.FAILED}
    if question.flag == "stale":
        statuses &= {Status.PENDING}
        present = service.present()
        asked_before = times.plus(present.now, -present.stale_seconds)
    return Filters(
        routes=_routes(service, question, concerned),
        statuses=tuple(sorted(statuses, key=str)),
        newest_first=question.newest_first,
        rule_id=question.rule_id,
        failure_code=question.reason,
        prefix=question.prefix,
        since=question.since,
        until=question.until,
        late=question.flag == "late",
        lost=question.flag == "replica_lost",
        in_doubt=question.flag == "in_doubt",
        asked_before=asked_before,
    )


def _routes(
    service: Service, question: Question, concerned: Concerned
) -> tuple[tuple[str, str], ...]:
    """Those of the bucket, and the one for what nobody knows where it may be due."""
    bucket, destination = question.bucket, question.destination
    if bucket not in service.settings.source_buckets:
        wanted = destination in (None, bucket)
        return routes_of(service, bucket, concerned, frozenset()) if wanted else ()
    if destination is not None:
        return ((bucket, destination),)
    counted = service.counted(bucket)
    if concerned[bucket] is None:
        # Rules that were never read may name any bucket the tracker was deployed for.
        counted |= set(service.settings.destination_buckets)
    return (*routes_of(service, bucket, concerned, counted), (bucket, ""))


def _completeness(
    service: Service,
    concerned: Concerned,
    since: Instant | None = None,
    until: Instant | None = None,
) -> Json:
    now = service.present().now
    heard_until = service.frontier()
    missing = reason(concerned, heard_until, now, since, until)
    return {"complete": missing is None, "heard_until": heard_until}


def decode(
    text: str | None,
    scope: Scope,
    parts: int,
    valid: Callable[[tuple[str, ...]], bool] = lambda _: True,
) -> tuple[str, ...] | None:
    """The position of a cursor, `valid` where the list has no other; anybody can make a cursor."""
    if text is None:
        return None
    try:
        position = cursor.decode(text, scope)
    except cursor.InvalidCursor:
        position = ()
    if len(position) != parts or not valid(position):
        raise Problem(
            INVALID_CURSOR,
            "The cursor was changed, or comes from a list with other filters. Pass next_cursor as"
            " it was given, with the filters it was given for, or start again without it.",
            "cursor",
        )
    return position


def _is_position(position: tuple[str, ...]) -> bool:
    """Whether it is a `listing.Position`."""
    since, tie = position
    try:
        return times.parse(since) == since and _TIE.fullmatch(tie) is not None
    except ValueError:
        return False


def _fitting(items: Sequence[Json]) -> int:
    """How many of the items, at least one, fit into one answer."""
    size = 0
    for number, item in enumerate(items):
        size += len(json.dumps(json.dumps(item)))
        if size > ANSWER_BYTES and number:
            return number
    return len(items)
