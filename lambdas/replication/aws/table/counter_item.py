"""How counters are stored in DynamoDB: every counter is a number attribute of its item.

    Totals         pk #totals#<bucket>#<lane>                    sk <destination>#<rule id>
    Period         pk #periods#<bucket>#<destination>#<lane>     sk <level>#<start>
    FailureKind    pk #troubles#<bucket>#<destination>#<lane>    sk <benign>#<code>#<rule id>

A rule id and a code may have 1,020 bytes each, so a sort key may become too long for DynamoDB. Then
a `!` and a digest replace it, and the item has the texts as `destination`, `benign`, `code` and
`rule_id`. No bucket name and no `benign` begins with a `!`.

A counter is the sum over its lanes. Each shard of the stream writes to one lane, so that two shards
(a busy bucket has several) rarely write to one item. No item here has the attribute `status`, so
the functions on the stream skip them.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any
from urllib.parse import quote, unquote
from zlib import crc32

from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.ledger_item import Item
from replication.counters.counter import CounterKey, FailureKind, Period, Totals
from replication.counters.period import Level, start_of

KEPT_DAYS = {Level.MINUTE: 15, Level.HOUR: 400}
"""How long periods are kept; days for ever."""

NO_COUNTER = frozenset({"pk", "sk", "expires_at", "destination", "benign", "code", "rule_id"})
"""Attributes of an item that are no counters."""

_DIGEST = "!"


def lane_of(source: str, lanes: int) -> int:
    """The lane that a shard of the stream, or another source of changes, writes to."""
    return crc32(source.encode()) % lanes


def totals_partition(bucket: str, lane: int) -> str:
    return f"{keys.TOTALS}{bucket}#{lane}"


def periods_partition(bucket: str, destination: str, lane: int) -> str:
    return f"{keys.PERIODS}{bucket}#{destination}#{lane}"


def failure_kinds_partition(bucket: str, destination: str, lane: int) -> str:
    return f"{keys.FAILURE_KINDS}{bucket}#{destination}#{lane}"


def key_of(view: CounterKey, lane: int) -> Item:
    match view:
        case Totals():
            pk = totals_partition(view.bucket, lane)
            sk = fitting("", f"{view.destination}#{view.rule_id}")
        case Period():
            pk = periods_partition(view.bucket, view.destination, lane)
            sk = f"{view.level}#{view.start}"
        case FailureKind():
            pk = failure_kinds_partition(view.bucket, view.destination, lane)
            sk = fitting("", _text_of(view))
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def texts_of(view: CounterKey, key: Item) -> Item:
    """The texts that the item at `key` must have as attributes when its sort key is a digest."""
    if not key["sk"]["S"].startswith(_DIGEST):
        return {}
    match view:
        case Totals():
            return {"destination": {"S": view.destination}, "rule_id": {"S": view.rule_id}}
        case FailureKind():
            return {
                "benign": {"BOOL": view.benign},
                "code": {"S": view.code},
                "rule_id": {"S": view.rule_id},
            }
        case Period():
            raise AssertionError(view)


def totals_of(bucket: str, item: Mapping[str, Any]) -> Totals:
    """The key of an item of a bucket's totals."""
    sk: str = item["sk"]["S"]
    if sk.startswith(_DIGEST):
        return Totals(bucket, item["destination"]["S"], item["rule_id"]["S"])
    destination, _, rule_id = sk.partition("#")
    return Totals(bucket, destination, rule_id)


def failure_kind_of(bucket: str, destination: str, item: Mapping[str, Any]) -> FailureKind:
    """The key of an item of a route's kinds of failure."""
    sk: str = item["sk"]["S"]
    if sk.startswith(_DIGEST):
        rule_id, code, benign = item["rule_id"]["S"], item["code"]["S"], item["benign"]["BOOL"]
        return FailureKind(bucket, destination, rule_id, code, benign)
    word, code, rule_id = sk.split("#", 2)
    return FailureKind(bucket, destination, rule_id, unquote(code), word == "1")


def incident_sort_key(kind: FailureKind) -> str:
    """The sort key of the open incident of a kind; it begins with the route."""
    return fitting(f"{kind.bucket}#{kind.destination}#", _text_of(kind))


def digest_of(kind: FailureKind) -> str:
    text = f"{kind.bucket}#{kind.destination}#{_text_of(kind)}"
    return blake2b(text.encode(), digest_size=4).hexdigest()


def fitting(prefix: str, text: str) -> str:
    """A sort key of prefix and text; with a digest of the text when it would be too long."""
    whole = f"{prefix}{text}"
    if len(whole.encode()) <= keys.SORT_KEY_BYTES:
        return whole
    return f"{prefix}{_DIGEST}{blake2b(text.encode(), digest_size=16).hexdigest()}"


def _text_of(kind: FailureKind) -> str:
    return f"{int(kind.benign)}#{quote(kind.code, safe='')}#{kind.rule_id}"


def expiry_of(view: CounterKey) -> Mapping[str, str] | None:
    """`expires_at` of a counter; None when it is kept for ever."""
    if isinstance(view, Period) and (days := KEPT_DAYS.get(view.level)):
        return expiry(start_of(view.start), days * DAY)
    return None
