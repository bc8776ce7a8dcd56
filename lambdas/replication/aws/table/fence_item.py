"""Fences in the stream: items written now, by which a recount sees how far it is worked off.

    fence     pk #fence#<n>     sk fence    status FENCE, so that the stream's filter passes it
                                            token   whose fence it is; another makes a record anew
    passed    pk #fenced#<n>    sk fence    token   of the fence that was worked off last; it has no
                                            status, so writing it calls nobody

A shard of the stream keeps the order of its writes, and everything before a fence in its shard is
counted when the fence is worked off. Which shard an item goes to, its partition key decides: of a
few shards, as tables have, every one gets fences of so many; of fifty, which takes a table of
hundreds of gigabytes, one may go without, and nobody would see that it is behind.
"""

from collections.abc import Mapping
from typing import Any

from replication.aws.table import keys
from replication.aws.table.ledger_item import Item
from replication.counters.fence import Fence

FENCES = 256
STATUS = "FENCE"


def fences(token: str) -> list[Item]:
    """All fences of a token."""
    status = {"status": {"S": STATUS}}
    return [_item(keys.FENCE, str(number), token) | status for number in range(FENCES)]


def passed(fence: Fence) -> Item:
    """What is noted of a fence that was worked off."""
    return _item(keys.FENCED, fence.name, fence.token)


def passed_keys() -> list[Item]:
    return [_key(keys.FENCED, str(number)) for number in range(FENCES)]


def fence_of(change: Mapping[str, Any]) -> Fence | None:
    """The `dynamodb` part of a record of the stream, if it is of a fence."""
    image = change.get("NewImage") or change.get("OldImage") or {}
    pk = image.get("pk", {}).get("S", "")
    if not pk.startswith(keys.FENCE):
        return None
    name, token = pk.removeprefix(keys.FENCE), image.get("token", {}).get("S", "")
    return Fence(change["SequenceNumber"], None, None, name=name, token=token)


def _key(prefix: str, name: str) -> Item:
    return {"pk": {"S": f"{prefix}{name}"}, "sk": {"S": "fence"}}


def _item(prefix: str, name: str, token: str) -> Item:
    return {**_key(prefix, name), "token": {"S": token}}
