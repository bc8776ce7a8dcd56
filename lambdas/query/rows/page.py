"""One page of the list of rows."""

from dataclasses import asdict, dataclass

from query import cursor
from query.concerns import Concerned, concerned_by, routes_of
from query.page import Scope, completeness, decode, how_many_fit
from query.parameters import Flag, is_position
from query.wiring import Service
from replication import times
from replication.ledger import index
from replication.ledger.index import Filters, Position
from replication.published import row
from replication.published.row import Json
from replication.s3.status import Status
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Question:
    """The filters of a list of rows; a cursor is valid only with the same ones.

    bucket          the tracked bucket
    status          None: every status, and those in doubt
    destination, rule_id, reason, prefix    only rows with these
    since, until    only rows whose `since` is in this span
    newest_first    the order
    flag            only rows with this flag
    """

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
    """The rows, after the one in the cursor."""
    scope: Scope = {"list": "objects", **asdict(question)}
    after = decode(cursor_text, scope, 2, is_position)
    concerned = concerned_by(service, question.bucket)
    filters = _filters(service, question, concerned)
    # What is lost or in doubt is never forgotten.
    completed = Status.COMPLETED in filters.statuses and not (filters.lost or filters.in_doubt)
    page = index.page(
        filters,
        service.index.fetch,
        shards=service.settings.shards,
        after=Position(*after) if after else None,
        limit=limit,
    )
    present = service.present()
    items = [row.row(stored, present) for _, stored in page.rows]
    fitting = how_many_fit(items)
    following = page.next if fitting == len(items) else page.rows[fitting - 1][0]
    return {
        "items": items[:fitting],
        "next_cursor": cursor.encode(following, scope) if following else None,
        **completeness(service, concerned, question.since, question.until, completed=completed),
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
    """The routes of the bucket, and the one of versions whose destination is unknown."""
    bucket, destination = question.bucket, question.destination
    if bucket not in service.settings.source_buckets:
        wanted = destination in (None, bucket)
        return routes_of(service, bucket, concerned, frozenset()) if wanted else ()
    if destination is not None:
        return ((bucket, destination),)
    counted = service.counted(bucket)
    if concerned[bucket] is None:
        # Rules that were never read may name any tracked destination.
        counted |= set(service.settings.destination_buckets)
    return (*routes_of(service, bucket, concerned, counted), (bucket, ""))
