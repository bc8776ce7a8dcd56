"""What the failure topic says: an image of the ledger's stream as a message. Pure.

The body is the row a list would show, with the reason and its fix, so that a subscriber needs no
further question; the attributes are what a subscription filters by.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import quote

from replication import views
from replication.adapters.items import read_item
from replication.facts import Evidence
from replication.fold import State
from replication.status import Status
from replication.stored import Stored
from replication.times import Instant

Image = Mapping[str, Any]
"""An item as a stream record holds it, in DynamoDB's own JSON."""

SUBJECT_LENGTH = 99
"""SNS: less than 100 characters, printable ASCII."""

# Fields of plain text and numbers: what can still be read of an image that a newer release wrote,
# whose kinds of facts or evidence this one does not know.
_ENUMERATED = ("evidence",)
_PLAIN = (
    "pk",
    "sk",
    *(field.name for field in fields(State) if field.name not in _ENUMERATED),
)


class Unreadable(ValueError):
    """An image that is no item of the ledger."""


@dataclass(frozen=True, slots=True)
class Announcement:
    """One message. No attribute is empty; one that is unknown is left out."""

    subject: str
    body: Mapping[str, Any]
    attributes: Mapping[str, str]


def became_failed(old: Image | None, new: Image | None) -> bool:
    """Whether a change of an item is the edge into FAILED. An item that is gone failed not.

    What an inventory lists failed long ago: that is news for the lists, not for subscribers."""
    if (new or {}).get("evidence", {}).get("S") == Evidence.INVENTORY:
        return False
    return _status(new) == Status.FAILED and _status(old) != Status.FAILED


def announcement(image: Image, now: Instant) -> Announcement:
    """The message of an item that became FAILED. Unreadable when it is no item of the ledger.

    What cannot be read is told as null rather than kept from the subscribers: the failure is sure.
    """
    item = _read(image)
    row = views.row(item, views.Present(now))
    return Announcement(
        subject=_subject(row),
        body=row
        | {
            # One destination failed, so S3's own header says FAILED, whatever the others say.
            "replication_status": Status.FAILED,
            "api_path": _api_path(row),
            "event_id": _event_id(item),
        },
        attributes=_attributes(row),
    )


def _status(image: Image | None) -> str | None:
    status: str | None = (image or {}).get("status", {}).get("S")
    return status


def _read(image: Image) -> Stored:
    plain = {name: image[name] for name in _PLAIN if name in image}
    for readable in (image, plain):
        try:
            return read_item(readable)
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            trouble = error
    raise Unreadable(f"not an item of the ledger: {trouble!r}") from trouble


def _event_id(item: Stored) -> str | None:
    """The event that decided; None when it is no longer kept (or could not be read)."""
    into_failed = [change for change in views.transitions([item]) if change["to"] is Status.FAILED]
    return into_failed[-1]["event_id"] if into_failed else None


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
