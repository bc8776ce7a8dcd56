"""Records of the table's stream, whose images are DynamoDB JSON, as values."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from replication.aws.table.fence_item import fence_of
from replication.aws.table.ledger_item import read_item
from replication.counters.counter import ItemChange, ItemImage, image_of
from replication.errors import Unreadable
from replication.ledger.edges import Edge, current_failure, edges
from replication.ledger.item import LedgerItem
from replication.ledger.state import State
from replication.s3.evidence import Evidence
from replication.s3.status import Status

Image = Mapping[str, Any]
"""An item in a stream record."""

# Fields of plain text and numbers. They can be read even when a newer release wrote the image, with
# kinds of facts or evidence that this one does not know.
_ENUMERATED = ("evidence",)
_PLAIN = (
    "pk",
    "sk",
    *(field.name for field in fields(State) if field.name not in _ENUMERATED),
)
_TIME_TO_LIVE = ("Service", "dynamodb.amazonaws.com")
"""Who removes an item whose time is over. Source: "DynamoDB Streams and Time to Live" in the
DynamoDB developer guide."""
_BROKEN = (KeyError, ValueError, TypeError, AttributeError)


def read_record(record: Mapping[str, Any]) -> ItemChange:
    """A record as Lambda delivers it: an item or a fence. Unreadable when it is neither."""
    change = record["dynamodb"]
    if fence := fence_of(change):
        return fence
    try:
        old, new = _item_image(change.get("OldImage")), _item_image(change.get("NewImage"))
    except _BROKEN as error:
        raise Unreadable(f"not an item of the ledger: {error!r}") from error
    who = record.get("userIdentity") or {}
    expired = (who.get("type"), who.get("principalId")) == _TIME_TO_LIVE
    return ItemChange(change["SequenceNumber"], old, new, expired)


def read_images(record: Mapping[str, Any]) -> tuple[LedgerItem | None, LedgerItem | None]:
    """The item before and after the change; None, None of a fence. Unreadable when it is no item
    of the ledger."""
    change = record["dynamodb"]
    if fence_of(change):
        return None, None
    old, new = change.get("OldImage"), change.get("NewImage")
    return old and read_image(old), new and read_image(new)


def became_failed(old: Image | None, new: Image | None) -> bool:
    """Whether the change makes an item FAILED. False when the item was removed, and when the
    failure was over before the tracker knew of it; such a failure is only counted.

    A failure that an inventory lists is old: it is listed, and subscribers get no message."""
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
    # A late fact may show that the failure began earlier; it is the same failure.
    return before is not None and after is not None and before.order < after.order


def _standing(image: Image) -> Edge | None:
    stored = read_item(image)
    return current_failure(stored.record.state, edges(stored.record, stored.base))


def read_image(image: Image) -> LedgerItem:
    """The item; of one that a newer release wrote, as much as can be read. Unreadable when it is no
    item of the ledger."""
    plain = {name: image[name] for name in _PLAIN if name in image}
    for readable in (image, plain):
        try:
            return read_item(readable)
        except _BROKEN as error:
            fault = error
    raise Unreadable(f"not an item of the ledger: {fault!r}") from fault


def _status(image: Image | None) -> str | None:
    status: str | None = (image or {}).get("status", {}).get("S")
    return status


def _item_image(image: Image | None) -> ItemImage | None:
    if not image:
        return None
    return image_of(read_image(image), listed="route" in image)
