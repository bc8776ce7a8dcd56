"""Records of the table's stream: images in DynamoDB's own JSON as values of the core."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from replication.aws.table.fence_item import fence_of
from replication.aws.table.ledger_item import read_item
from replication.counters.counter import ItemChange, ItemImage, image_of
from replication.errors import Unreadable
from replication.ledger.edges import Edge, edges, standing_failure
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status

Image = Mapping[str, Any]
"""An item as a stream record holds it."""

# Fields of plain text and numbers: what can still be read of an image that a newer release wrote,
# whose kinds of facts or evidence this one does not know.
_ENUMERATED = ("evidence",)
_PLAIN = (
    "pk",
    "sk",
    *(field.name for field in fields(State) if field.name not in _ENUMERATED),
)
_BROKEN = (KeyError, ValueError, TypeError, AttributeError)


def read_record(record: Mapping[str, Any]) -> ItemChange:
    """A record as Lambda delivers it, of an item or of a fence. Unreadable when it is neither."""
    change = record["dynamodb"]
    if fence := fence_of(change):
        return fence
    try:
        old, new = _item_image(change.get("OldImage")), _item_image(change.get("NewImage"))
    except _BROKEN as error:
        raise Unreadable(f"not an item of the ledger: {error!r}") from error
    return ItemChange(change["SequenceNumber"], old, new)


def became_failed(old: Image | None, new: Image | None) -> bool:
    """Whether a change of an item is an edge into a failure that stands. An item that is gone
    failed not, and what was over before it was heard of is only counted.

    What an inventory lists failed long ago: that is news for the lists, not for subscribers."""
    if new is None or _status(new) != Status.FAILED:
        return False
    if "quiet" in new or new.get("evidence", {}).get("S") == Evidence.INVENTORY:
        return False
    if _status(old) != Status.FAILED:
        return True
    try:
        before, after = _standing(old or {}), _standing(new)
    except _BROKEN:
        return False
    # A late fact may show that it began earlier; that is the same failure still.
    return before is not None and after is not None and before.order < after.order


def _standing(image: Image) -> Edge | None:
    stored = read_item(image)
    return standing_failure(stored.record.state, edges(stored.record, stored.base))


def read_image(image: Image) -> LedgerItem:
    """The item, or of one that a newer release wrote, as much of it as can be read. Unreadable when
    it is no item of the ledger."""
    plain = {name: image[name] for name in _PLAIN if name in image}
    for readable in (image, plain):
        try:
            return read_item(readable)
        except _BROKEN as error:
            trouble = error
    raise Unreadable(f"not an item of the ledger: {trouble!r}") from trouble


def _status(image: Image | None) -> str | None:
    status: str | None = (image or {}).get("status", {}).get("S")
    return status


def _item_image(image: Image | None) -> ItemImage | None:
    if not image:
        return None
    return image_of(read_image(image), listed="route" in image)
