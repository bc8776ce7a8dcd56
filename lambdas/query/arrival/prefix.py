"""Whether everything under a prefix has arrived.

Only what is missing is read: versions that are PENDING or in doubt, by the time this began, and
those of the lag index, by the time of their request. Nothing else can have been requested before
`until` and be missing. One request reads a bounded number of index entries, whatever there is in
the bucket.
"""

from dataclasses import asdict, dataclass

from query import cursor
from query.arrival.set_answer import answer
from query.concerns import concerned_by, reason, routes_of
from query.page import Scope, decode
from query.parameters import is_position
from query.wiring import Service
from replication.ledger import index
from replication.ledger.index import Filters, Position
from replication.ledger.item import LedgerItem
from replication.ledger.watermark import Reason
from replication.published.row import Json
from replication.s3.status import Status
from replication.times import Instant

ENTRIES = index.ENTRIES_A_REQUEST
"""How many entries of what is missing one request may read."""
SEEN_ENTRIES = 2_000
"""How many entries of what has arrived are read to find one of the prefix."""


@dataclass(frozen=True, slots=True)
class PrefixQuestion:
    """Versions of a source bucket that were requested in [since, until). None is any."""

    bucket: str
    destination: str | None
    prefix: str | None
    since: Instant | None
    until: Instant


def arrival(service: Service, question: PrefixQuestion, cursor_text: str | None) -> Json:
    """Whether they have arrived. A cursor goes on where everything before has arrived."""
    scope: Scope = {"list": "arrival", **asdict(question)}
    after = decode(cursor_text, scope, 2, is_position)
    # Before the walk: what is recorded during it may be about the time before `until`.
    unknown = _why_unknown(service, question)
    routes, unruled = _routes(service, question)
    filters = Filters(
        routes=routes,
        statuses=(Status.PENDING, None),
        newest_first=False,
        prefix=question.prefix,
        since=question.since,
        until=question.until,
        lacking=True,
    )
    page = index.page(
        filters,
        service.index.fetch,
        shards=service.settings.shards,
        after=Position(*after) if after else None,
        limit=ENTRIES,
        budget=ENTRIES,
    )
    missing = _of_the_set([stored for _, stored in page.rows], question)
    why = unruled or unknown or (Reason.MORE_TO_READ if page.next else None)
    more = page.next if why is Reason.MORE_TO_READ and not missing else None
    states = [stored.record.state.status for stored in missing]
    counted = page.next is None and after is None
    return answer(
        service,
        question.bucket,
        question.destination,
        question.until,
        missing=missing,
        why=why,
        arrived=False if missing else None if why else True,
        counts={
            "pending": states.count(Status.PENDING),
            "failed": states.count(Status.FAILED),
            "in_doubt": states.count(None),
        }
        if counted
        else {},
    ) | {
        "prefix": question.prefix,
        "since": question.since,
        "seen": None if missing or why else _seen(service, filters),
        "next_cursor": cursor.encode(more, scope) if more else None,
    }


def _why_unknown(service: Service, question: PrefixQuestion) -> Reason | None:
    """Why something of the set may not be recorded; None: all of it is. Only then may a walk go on
    with a cursor: nothing more can turn up before it."""
    concerned = concerned_by(service, question.bucket)
    now, frontier = service.present().now, service.frontier()
    found = reason(concerned, frontier, now, question.since, question.until)
    return found[1] if found else None


def _routes(
    service: Service, question: PrefixQuestion
) -> tuple[tuple[tuple[str, str], ...], Reason | None]:
    """The routes that the prefix may take, and the one of versions whose destination is unknown.
    NO_RULE when no rule ever sent a key of the prefix there."""
    bucket, wanted = question.bucket, question.destination
    concerned = concerned_by(service, bucket)
    history = concerned[bucket]
    known = {name for _, name in routes_of(service, bucket, concerned, service.counted(bucket))}
    if history is not None:
        # One that has counters and no rule ever named may take any key.
        elsewhere = set(history.destinations) - set(
            history.destinations_under(question.prefix or "")
        )
        known -= elsewhere
    if wanted is not None:
        known = known & {wanted} if history is not None else {wanted}
    why = None if known or history is None else Reason.NO_RULE
    return (*((bucket, name) for name in sorted(known)), (bucket, "")), why


def _of_the_set(found: list[LedgerItem], question: PrefixQuestion) -> list[LedgerItem]:
    """Each once, although two indexes may have it, and only those requested in the time asked for,
    by the time of the request."""
    each = {(stored.version, stored.destination): stored for stored in found}
    by_request = sorted(
        (since, number, stored)
        for number, stored in enumerate(each.values())
        if (since := stored.record.state.outstanding_since)
        and (question.since or "") <= since < question.until
    )
    return [stored for _, _, stored in by_request]


def _seen(service: Service, missing: Filters) -> bool | None:
    """Whether anything of the set is known to have arrived; None: not among the first entries."""
    filters = Filters(
        routes=missing.routes,
        statuses=(Status.COMPLETED,),
        newest_first=False,
        prefix=missing.prefix,
        since=missing.since,
    )
    page = index.page(
        filters,
        service.index.fetch,
        shards=service.settings.shards,
        after=None,
        limit=1,
        budget=SEEN_ENTRIES,
    )
    return True if page.rows else None
