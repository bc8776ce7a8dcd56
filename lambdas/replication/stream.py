"""Records of the table's stream as what is seen of an item before and after. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from replication.adapters.items import read_item
from replication.contributions import Seen

Image = Mapping[str, Any]
"""An item in DynamoDB's own JSON."""


class Unreadable(ValueError):
    """A record that is no change of an item of the ledger."""


@dataclass(frozen=True, slots=True)
class Changed:
    """A change of one item; `number` is its sequence number within its shard."""

    number: str
    old: Seen | None
    new: Seen | None


def read_record(record: Mapping[str, Any]) -> Changed:
    """A record as Lambda delivers it. Unreadable when it is no item of the ledger."""
    change = record["dynamodb"]
    try:
        old, new = _seen(change.get("OldImage")), _seen(change.get("NewImage"))
    except (KeyError, ValueError, TypeError, AttributeError) as error:
        raise Unreadable(f"not an item of the ledger: {error!r}") from error
    return Changed(change["SequenceNumber"], old, new)


def _seen(image: Image | None) -> Seen | None:
    if not image:
        return None
    # An item's facts can be a hundred times larger than its state, and none is needed here.
    plain = {name: value for name, value in image.items() if not name.startswith(("f#", "base"))}
    stored = read_item(plain)
    return Seen(stored.version, stored.destination, stored.record.state, "route" in image)
