"""How the counters lie in DynamoDB. Every name of a counter is a number attribute of its item.

    Totals    pk #totals#<bucket>#<lane>                    sk <destination>#<rule id>
    Period    pk #periods#<bucket>#<destination>#<lane>     sk <level>#<start>
    Trouble   pk #troubles#<bucket>#<destination>#<lane>    sk <benign>#<code>#<rule id>

A counter is the sum over its lanes. A shard of the stream writes to one lane, so that two shards,
which there are when a bucket is hot, hardly ever meet in one item. No item here has a `status`,
which is what the functions of the stream are called for.
"""

from datetime import timedelta
from hashlib import blake2b
from urllib.parse import quote, unquote
from zlib import crc32

from replication import times
from replication.adapters.items import Item
from replication.contributions import Level, Period, Totals, Trouble, View

KEPT = {Level.MINUTE: timedelta(days=15), Level.HOUR: timedelta(days=400), Level.DAY: None}
"""How long periods are kept; None: for ever."""

_START = "0000-01-01T00:00:00.000Z"


def lane_of(source: str, lanes: int) -> int:
    """Where a shard of the stream (or any other source of changes) counts."""
    return crc32(source.encode()) % lanes


def totals_partition(bucket: str, lane: int) -> str:
    return f"#totals#{bucket}#{lane}"


def periods_partition(bucket: str, destination: str, lane: int) -> str:
    return f"#periods#{bucket}#{destination}#{lane}"


def troubles_partition(bucket: str, destination: str, lane: int) -> str:
    return f"#troubles#{bucket}#{destination}#{lane}"


def key_of(view: View, lane: int) -> Item:
    match view:
        case Totals():
            pk, sk = totals_partition(view.bucket, lane), f"{view.destination}#{view.rule_id}"
        case Period():
            pk = periods_partition(view.bucket, view.destination, lane)
            sk = f"{view.level}#{view.start}"
        case Trouble():
            pk = troubles_partition(view.bucket, view.destination, lane)
            sk = trouble_sort_key(view)
    return {"pk": {"S": pk}, "sk": {"S": sk}}


def trouble_sort_key(trouble: Trouble) -> str:
    return f"{int(trouble.benign)}#{quote(trouble.code, safe='')}#{trouble.rule_id}"


def digest_of(trouble: Trouble) -> str:
    text = f"{trouble.bucket}#{trouble.destination}#{trouble_sort_key(trouble)}"
    return blake2b(text.encode(), digest_size=4).hexdigest()


def trouble_at(bucket: str, destination: str, sk: str) -> Trouble:
    benign, code, rule_id = sk.split("#", 2)
    return Trouble(bucket, destination, rule_id, unquote(code), benign == "1")


def expiry_of(view: View) -> int | None:
    """When a counter may be forgotten, in seconds since 1970."""
    if not isinstance(view, Period) or (kept := KEPT[view.level]) is None:
        return None
    began = times.to_datetime(times.Instant(view.start + _START[len(view.start) :]))
    return int((began + kept).timestamp())
