"""One page of each list: what to read, where to go on, and whether anything may be missing."""

import heapq
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass

from query import cursor
from query.parameters import Flag
from query.problems import INVALID_CURSOR, Problem
from query.service import Service
from replication import doctor, listing, times, views
from replication.configuration import History
from replication.listing import Filters, Position
from replication.lookup import NotTracked
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


def versions(service: Service, bucket: str, key: str, limit: int, cursor_text: str | None) -> Json:
    """NotTracked when the bucket has no version of the key."""
    scope: Scope = {"list": "versions", "bucket": bucket, "key": key}
    before = decode(cursor_text, scope, 5)
    newest = heapq.nlargest(
        limit + 1,
        (
            (age, items)
            for age, items in service.lookup.versions(bucket, key)
            if not before or age < before
        ),
        key=lambda version: version[0],
    )
    if not newest and not before:
        raise NotTracked(f"Nothing is known of such an object in {bucket}.")
    items = [views.summary(items, bucket, service.present()) for _, items in newest[:limit]]
    fitting = _fitting(items)
    more = fitting < len(newest)
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode(newest[fitting - 1][0], scope) if more else None,
        "complete": all(concerned_by(service, bucket).values()),
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
        "complete": _complete(concerned, question.since),
    }


def _filters(
    service: Service, question: Question, concerned: Mapping[str, History | None]
) -> Filters:
    statuses = {question.status} if question.status else set(Status)
    until = question.until
    if question.reason is not None:
        statuses &= {Status.FAILED}
    if question.flag == "stale":
        statuses &= {Status.PENDING}
        present = service.present()
        stale_since = times.plus(present.now, -present.stale_seconds)
        until = min(until, stale_since) if until else stale_since
    return Filters(
        routes=_routes(service, question, concerned),
        statuses=tuple(sorted(statuses)),
        newest_first=question.newest_first,
        rule_id=question.rule_id,
        failure_code=question.reason,
        prefix=question.prefix,
        since=question.since,
        until=until,
        late=question.flag == "late",
        lost=question.flag == "replica_lost",
    )


def _routes(
    service: Service, question: Question, concerned: Mapping[str, History | None]
) -> tuple[tuple[str, str], ...]:
    """From the bucket to its destinations; of a mere destination, those into it."""
    bucket, destination = question.bucket, question.destination
    if bucket not in service.settings.source_buckets:
        wanted = destination in (None, bucket)
        return tuple((source, bucket) for source in concerned if wanted)
    if destination is not None:
        return ((bucket, destination),)
    history = concerned[bucket]
    # Rules that were never read may name any bucket the tracker was deployed for.
    names = history.destinations if history else service.settings.destination_buckets
    return tuple((bucket, name) for name in names)


def concerned_by(service: Service, bucket: str) -> Mapping[str, History | None]:
    """The configurations a list about `bucket` depends on: its own, or those that may name it."""
    histories = service.histories()
    if bucket in histories:
        return {bucket: histories[bucket]}
    return {
        source: history
        for source, history in sorted(histories.items())
        if history is None or bucket in history.destinations
    }


def _complete(concerned: Mapping[str, History | None], since: Instant | None) -> bool:
    return all(
        history is not None and (since is None or since >= history.tracking_since)
        for history in concerned.values()
    )


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
