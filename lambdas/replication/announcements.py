"""What the failure topic says of a version that became FAILED. Pure.

The body is the row a list would show, with the reason and its fix, so that a subscriber needs no
further question; the attributes are what a subscription filters by.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from replication import views
from replication.edges import Edge, Word, edge_id, edges, standing_failure
from replication.status import Status
from replication.stored import Stored
from replication.times import Instant

SUBJECT_LENGTH = 99
"""SNS: less than 100 characters, printable ASCII."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message. No attribute is empty; one that is unknown is left out."""

    subject: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str]


def announcement(item: Stored, now: Instant) -> Announcement:
    """The message of an item that became FAILED.

    What is not known of it is told as null rather than kept from subscribers: the failure is sure.
    """
    row = views.row(item, views.Present(now))
    state = item.record.state
    # Where the fact that began it is kept no more, its time and reason name it.
    folded = Edge(Word.FAILED, state.since or now, f"{state.since}#{state.failure_code}")
    edge = standing_failure(state, edges(item.record, item.base)) or folded
    return Announcement(
        subject=_subject(row),
        body=row
        | {
            # One destination failed, so S3's own header says FAILED, whatever the others say.
            "replication_status": Status.FAILED,
            "api_path": _api_path(row),
            "event_id": edge_id(item.version, item.destination, edge),
        },
        attributes=_attributes(row),
    )


def _api_path(row: Mapping[str, Any]) -> str:
    key, version_id = quote(row["key"], safe=""), quote(row["version_id"], safe="")
    return f"/v1/buckets/{row['bucket']}/object?key={key}&version_id={version_id}"


def _attributes(row: Mapping[str, Any]) -> Mapping[str, str]:
    known = {
        "bucket": row["bucket"],
        "destination": row["destination"],
        "rule_id": row["rule_id"],
        "failure_code": row["failure"]["code"],
        "status": row["status"],
    }
    return {name: _printable(value) for name, value in known.items() if value}


def _subject(row: Mapping[str, Any]) -> str:
    code = row["failure"]["code"] or "reason unknown"
    text = f"S3 replication failed: {row['bucket']} to {row['destination']}, {code}, {row['key']}"
    ascii_text = "".join(one if " " <= one <= "~" else "?" for one in text)
    if len(ascii_text) <= SUBJECT_LENGTH:
        return ascii_text
    return f"{ascii_text[: SUBJECT_LENGTH - 3]}..."


def _printable(text: str) -> str:
    """SNS refuses a whole message for one control character in an attribute."""
    return "".join(one if one.isprintable() else "?" for one in text)
