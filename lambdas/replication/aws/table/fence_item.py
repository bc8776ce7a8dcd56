"""Fences: items that a recount writes in order to see how far the stream has been counted.

    fence     pk #fence#<n>     sk fence    status FENCE, so that it passes the stream's filter
                                            token   the recount's; a new one makes a new record
    passed    pk #fenced#<n>    sk fence    token   of the last fence that came out of the stream;
                                            without a status, so that no function is called

A shard of the stream keeps the order of writes, so when a fence comes out of it, everything written
before to this shard is counted. An item's partition key decides about its shard. With this many
fences, each of the few shards that tables have gets some. With fifty shards, which take a table of
hundreds of gigabytes, one may get none, and it would not be noticed when that one is behind.
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
    """The item for a fence that came out of the stream."""
    return _item(keys.FENCED, fence.name, fence.token)


def passed_keys() -> list[Item]:
    return [_key(keys.FENCED, str(number)) for number in range(FENCES)]


def fence_of(change: Mapping[str, Any]) -> Fence | None:
    """The fence in a stream record's `dynamodb` part; None when the record is about no fence."""
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
