"""Whether every object of a manifest has arrived: one or two queries for each object."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from query.arrival.schemas import NamedObject
from query.arrival.set_answer import answer
from query.wiring import Service
from replication.errors import TooManyVersions
from replication.ledger import version_items
from replication.ledger.item import LedgerItem
from replication.ledger.version_items import VersionItems, newest
from replication.ledger.watermark import Reason, why_not_current
from replication.published.row import AsOf, Json
from replication.s3.status import Status
from replication.threads import concurrently
from replication.times import Instant

ARRIVED, PENDING, FAILED, IN_DOUBT = "arrived", "pending", "failed", "in_doubt"
_WAITING = (PENDING, FAILED, IN_DOUBT)


class _Found(NamedTuple):
    """The state of one object (`schemas.ObjectState`), and the item that decides it."""

    state: str | Reason
    item: LedgerItem | None = None


@dataclass(frozen=True, slots=True)
class ManifestQuestion:
    """Objects of a source bucket, as they were at `until`."""

    bucket: str
    destination: str | None
    until: Instant
    objects: Sequence[NamedObject]


def arrival(service: Service, question: ManifestQuestion) -> Json:
    """Whether they have arrived."""
    present = service.present()
    history = service.histories()[question.bucket]
    unheard = why_not_current(history, service.frontier(), present.now, question.until)

    def find(named: NamedObject) -> _Found:
        return _find(service, question, named, present, unheard)

    found = concurrently(find, question.objects)
    states = [one.state for one in found]
    unknown = [state for state in states if isinstance(state, Reason)]
    # What may become known comes first: it is worth waiting for.
    why = min(unknown, key=lambda reason: reason is not unheard, default=None)
    missing = [one.item for one in found if one.state in _WAITING and one.item]
    missing.sort(key=lambda stored: stored.record.state.outstanding_since or "")
    said = answer(
        service,
        question.bucket,
        question.destination,
        question.until,
        missing=missing,
        why=why,
        arrived=False if any(state in _WAITING for state in states) else None if why else True,
        counts={
            "total": len(states),
            "unknown": len(unknown),
            **{state: states.count(state) for state in (ARRIVED, *_WAITING)},
        },
    ) | {"seen": True if ARRIVED in states else None, "objects": states}
    doubtful = [one.item.record.state for one in found if one.state == IN_DOUBT and one.item]
    if not all(state.in_doubt for state in doubtful):
        # After the answer: the next one is to take the rules that are recorded by then.
        service.rule_reads.want(question.bucket)
    return said


def _find(
    service: Service,
    question: ManifestQuestion,
    named: NamedObject,
    present: AsOf,
    unheard: Reason | None,
) -> _Found:
    try:
        items = service.manifest.written(question.bucket, named.key, named.version_id)
    except TooManyVersions:
        return _Found(Reason.TOO_MANY_VERSIONS)
    if not items:
        return _Found(unheard or Reason.NOT_TRACKED)
    found = _of_version(items, question.destination, present)
    if named.version_id is None and unheard and found.state not in _WAITING:
        return _Found(unheard)  # a newer version may have been written
    return found


def _of_version(items: VersionItems, destination: str | None, present: AsOf) -> _Found:
    """The state that keeps the version from having arrived everywhere, or `arrived`."""
    if version_items.deleted_at(items):
        return _Found(Reason.DELETED)
    created_at = newest(items, "created_at")
    due = [
        item
        for item in version_items.destinations(items)
        if destination in (None, item.destination) and not item.record.state.is_ruled_out
    ]
    by_status = {item.record.state.status: item for item in due}
    for status, state in ((Status.FAILED, FAILED), (Status.PENDING, PENDING)):
        if status in by_status:
            return _Found(state, by_status[status])
    if destination is None or not due:
        doubtful = [item for item in items if present.in_doubt(item, created_at)]
    else:
        doubtful = [item for item in due if item.record.state.status is None]
    if doubtful:
        return _Found(IN_DOUBT, doubtful[0])
    if any(item.record.state.lost_at for item in due):
        return _Found(Reason.REPLICA_LOST)
    return _Found(ARRIVED) if due else _Found(Reason.NO_RULE)
