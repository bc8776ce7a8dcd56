"""The message of the failure topic about a version that became FAILED. Pure.

The body is the row of a list, with the reason and its fix; subscriptions can filter by the
attributes.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from replication.ledger.edges import Edge, EdgeKind, current_failure, edge_id, edges
from replication.ledger.item import LedgerItem
from replication.published import row as published_row
from replication.published.sns_message import SnsMessage, sns_message
from replication.s3.status import Status
from replication.times import Instant


def announcement(item: LedgerItem, now: Instant) -> SnsMessage:
    """The message about an item that became FAILED. What is not known is null."""
    row = published_row.row(item, published_row.AsOf(now))
    state = item.record.state
    # When the fact is not kept any more, time and reason identify the failure.
    folded = Edge(EdgeKind.FAILED, state.since or now, f"{state.since}#{state.failure_code}")
    edge = current_failure(state, edges(item.record, item.base)) or folded
    return sns_message(
        subject=_subject(row),
        body=row
        | {
            # As one destination failed, S3's own header is FAILED, whatever the others are.
            "replication_status": Status.FAILED,
            "api_path": _api_path(row),
            "event_id": edge_id(item.version, item.destination, edge),
        },
        attributes=_attributes(row),
    )


def _api_path(row: Mapping[str, Any]) -> str:
    key, version_id = quote(row["key"], safe=""), quote(row["version_id"], safe="")
    return f"/v1/buckets/{row['bucket']}/object?key={key}&version_id={version_id}"


def _attributes(row: Mapping[str, Any]) -> Mapping[str, str | None]:
    return {
        "bucket": row["bucket"],
        "destination": row["destination"],
        "rule_id": row["rule_id"],
        "failure_code": row["failure"]["code"],
        "status": row["status"],
    }


def _subject(row: Mapping[str, Any]) -> str:
    code = row["failure"]["code"] or "reason unknown"
    return f"S3 replication failed: {row['bucket']} to {row['destination']}, {code}, {row['key']}"
