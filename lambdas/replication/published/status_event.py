"""The event about a change of status, for programs.

Its schema is docs/events/status-changed-1.json. Events are delivered at least once and in any
order. `sequence` is the item's own order: it grows with every fact of the item and depends on
nothing else. So of two events about a version and a destination the one with the greater sequence,
compared as text, is right. Sequences have gaps.
"""

from typing import Final

from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.published.row import Json
from replication.s3.evidence import Evidence
from replication.s3.failure_reasons import explain
from replication.s3.status import Status

SOURCE: Final = "s3-replication-tracker"
DETAIL_TYPE: Final = "Replication Status Changed"
VERSION: Final = "1"
NONE: Final = "NONE"
"""The word for a version without a status, where statuses are chosen."""


def status_event(old: LedgerItem | None, new: LedgerItem | None) -> Json | None:
    """The detail of the event about a change of an item; None when nothing changed that it says.

    There is none about an item that was removed, one without a destination, or what an inventory
    shows of a version that had no status: that began long ago.
    """
    if new is None or new.destination in ("", new.version.bucket):
        return None
    before, after = old.record.state if old else State(), new.record.state
    old_news = before.status is None and (after.quiet or after.evidence is Evidence.INVENTORY)
    said = _said(after)
    # Of an item that a newer release wrote, facts cannot be read, so it has no order.
    unordered = not new.record.facts and new.base_until is None
    if said == _said(before) or old_news or unordered:
        return None
    return {
        "version": VERSION,
        "bucket": new.version.bucket,
        "key": new.version.key,
        "version_id": new.version.version_id,
        "destination": new.destination,
        "sequence": sequence(new),
        "previous_status": before.status,
        **said,
    }


def sequence(item: LedgerItem) -> str:
    """The order of the newest fact, and how many facts there are: a late fact has no newer one, but
    is one more."""
    facts = item.record.facts
    newest = facts[-1].order if facts else item.base_until or ""
    return f"{newest}#{item.base_facts + len(facts):08d}"


def word(detail: Json) -> str:
    """The word by which the status of an event is chosen."""
    return detail["status"] or NONE


def _said(state: State) -> Json:
    """What the event says of the state."""
    failed = state.status is Status.FAILED
    return {
        "status": state.status,
        "since": state.since,
        "in_doubt": bool(state.in_doubt),
        "rule_id": state.rule_id,
        "requested_at": state.requested_at,
        "size": state.size,
        "evidence": state.evidence,
        "late": bool(state.late),
        "failure": dict(explain(state.failure_code).as_json()) if failed else None,
        "lost_at": state.lost_at,
        "deleted_at": state.deleted_at,
    }
