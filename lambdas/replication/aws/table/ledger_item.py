"""How the ledger is stored in DynamoDB: keys and attributes, written and read.

One item for each object version and destination. Two kinds have no real destination: an empty one
means that no rule took the version (it is listed only while that is in doubt), and the version's
own bucket means a replica of unknown source.

    pk        <source bucket>/<key>            2,048 bytes allowed, at most 1,088 used
    sk        <version id>#<destination>       1,024 bytes allowed
    route     <source bucket>#<destination>#<shard>     partition of the index `routes`
    position  <status>#<since>#<tie>    its sort key; `IN_DOUBT` for a version without a status that
              may be due there; absent: not listed
    held      <lacking since>#<tie>     sort key of the index `held` (same partition): versions that
              the destination lacks for longer than `position` says
    ord       order of the newest fact, or `~` when the item must be read before a new fact is added
    rev       number of writes after a read
    f#<order> one fact: a map of short names (`_FACT_NAMES`)
    base, base_until, base_facts      the state of facts that are not kept any more, see `compact`
    expires_at   DynamoDB's time to live (`ledger/retention.py`)
    ...       the fields of `State`, by their own names; absent is unknown

Bucket names contain neither `/` nor `#`, so keys need no escaping, whatever the object key is.
"""

from collections.abc import Mapping
from dataclasses import fields, replace
from hashlib import blake2b
from typing import Any

from replication.aws.table.expiry import expiry
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.ledger.retention import kept_until
from replication.ledger.state import Record, State
from replication.s3.evidence import Evidence
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant

AttributeValue = Mapping[str, Any]
Item = dict[str, Any]

CLOSED = "~"
"""Sorts after every `Fact.order`, so no blind write passes its condition."""
IN_DOUBT = "IN_DOUBT"
"""In `position`, for a version that has no status and may be due."""
MOST_FACTS = 400
"""An item keeps this many of the newest; older ones become `base`. About 60 KB of 400 KB."""
BLIND_FACTS = 4
"""More than can be written in succession without a read (see `assumptions.assumes`)."""

_STATE_NAMES = tuple(field.name for field in fields(State))
_FACT_NAMES = {
    "kind": "k",
    "evidence": "e",
    "id": "i",
    "rule_id": "r",
    "requested_at": "q",
    "size": "s",
    "etag": "t",
    "sequencer": "n",
    "failure_code": "c",
    "status": "x",
    "delete_marker": "m",
    "late": "l",
    "present": "p",
    "detail": "d",
    "in_doubt": "b",
    "quiet": "u",
    "retention": "o",
}
_TYPES = {"status": Status, "evidence": Evidence, "kind": Kind}


def partition_key(version: ObjectVersion) -> str:
    return f"{version.bucket}/{version.key}"


def sort_key(version: ObjectVersion, destination: str) -> str:
    return f"{version.version_id}#{destination}"


def key_of(version: ObjectVersion, destination: str) -> Item:
    return {"pk": {"S": partition_key(version)}, "sk": {"S": sort_key(version, destination)}}


def tie_of(version: ObjectVersion, destination: str) -> str:
    """Orders rows of one status and millisecond; it never changes for an item."""
    text = f"{partition_key(version)}\0{sort_key(version, destination)}"
    return blake2b(text.encode(), digest_size=8).hexdigest()


def route_of(bucket: str, destination: str, shard: int) -> str:
    return f"{bucket}#{destination}#{shard}"


def word_of(status: Status | None) -> str:
    """How a status is written in `position`; None is a version in doubt."""
    return status or IN_DOUBT


def listing(version: ObjectVersion, destination: str, state: State, shards: int) -> Item:
    """The attributes that put an item into the indexes; empty when it is in no list."""
    on_route = destination != version.bucket and (destination or not state.status)
    if not on_route or not state.since or not (state.status or state.in_doubt):
        return {}
    tie = tie_of(version, destination)
    lacking = state.outstanding_since
    # `routes` finds versions that are lacking since their `since`, as most are.
    listed_as_lacking = lacking and (state.status is Status.FAILED or lacking < state.since)
    return ({"held": {"S": f"{lacking}#{tie}"}} if listed_as_lacking else {}) | {
        "route": {"S": route_of(version.bucket, destination, int(tie, 16) % shards)},
        "position": {"S": f"{word_of(state.status)}#{state.since}#{tie}"},
    }


def fact_name(fact: Fact) -> str:
    return f"f#{fact.order}"


def value_of(value: object) -> AttributeValue:
    match value:
        case bool():
            return {"BOOL": value}
        case int():
            return {"N": str(value)}
        case _:
            return {"S": str(value)}


def fact_value(fact: Fact) -> AttributeValue:
    present = {
        short: value_of(value)
        for name, short in _FACT_NAMES.items()
        if (value := getattr(fact, name)) is not None
    }
    return {"M": present}


def state_values(state: State) -> Item:
    return {
        name: value_of(value)
        for name in _STATE_NAMES
        if (value := getattr(state, name)) is not None
    }


def compact(stored: LedgerItem) -> LedgerItem:
    """The same state with the MOST_FACTS newest facts; the older ones become `base`."""
    facts = stored.record.facts
    if len(facts) <= MOST_FACTS:
        return stored
    old, kept = facts[:-MOST_FACTS], facts[-MOST_FACTS:]
    return replace(
        stored,
        record=Record(stored.record.state, kept),
        base=fold(old, stored.base).state,
        base_until=old[-1].order,
        base_facts=stored.base_facts + len(old),
    )


def expiry_of(state: State, completed_days: int) -> AttributeValue | None:
    """`expires_at` of an item in that state; None: it has none."""
    until = kept_until(state, completed_days)
    return expiry(until) if until else None


def item_of(stored: LedgerItem, shards: int, completed_days: int = 0) -> Item:
    """The whole item without `rev`. `completed_days` is how long COMPLETED ones are kept; 0: for
    ever."""
    version, destination, record = stored.version, stored.destination, stored.record
    state = record.state
    item = key_of(version, destination) | state_values(state)
    if expires_at := expiry_of(state, completed_days):
        item["expires_at"] = expires_at
    if not state.deleted_at:
        item |= listing(version, destination, state, shards)
    item |= {fact_name(fact): fact_value(fact) for fact in record.facts}
    room = len(record.facts) <= MOST_FACTS - BLIND_FACTS
    open_ended = state.status is not None and state.deleted_at is None and room
    newest = record.facts[-1].order if record.facts else stored.base_until
    item["ord"] = {"S": newest if open_ended and newest else CLOSED}
    if stored.base is not None:
        item |= {
            "base": {"M": state_values(stored.base)},
            "base_until": value_of(stored.base_until),
            "base_facts": value_of(stored.base_facts),
        }
    return item


def read_item(item: Mapping[str, AttributeValue]) -> LedgerItem:
    """An item of the table or a row of the index as values."""
    bucket, _, key = item["pk"]["S"].partition("/")
    version_id, _, destination = item["sk"]["S"].rpartition("#")
    version = ObjectVersion(bucket, key, version_id)
    facts = [
        _read_fact(name, value["M"], version, destination)
        for name, value in item.items()
        if name.startswith("f#")
    ]
    facts.sort(key=lambda fact: fact.order)
    base = item.get("base")
    return LedgerItem(
        version,
        destination,
        Record(_read_state(item), tuple(facts)),
        base=_read_state(base["M"]) if base else None,
        base_until=item["base_until"]["S"] if base else None,
        base_facts=int(item["base_facts"]["N"]) if base else 0,
    )


def _read_state(values: Mapping[str, AttributeValue]) -> State:
    return State(**{name: _read(name, values[name]) for name in _STATE_NAMES if name in values})


def _read_fact(
    name: str, values: Mapping[str, AttributeValue], version: ObjectVersion, destination: str
) -> Fact:
    read = {
        field: _read(field, values[short])
        for field, short in _FACT_NAMES.items()
        if short in values
    }
    at = Instant(name.split("#")[1])
    return Fact(version=version, destination=destination, at=at, **read)


def _read(name: str, value: AttributeValue) -> Any:
    if "N" in value:
        return int(value["N"])
    found = value["S"] if "S" in value else value["BOOL"]
    return _TYPES[name](found) if name in _TYPES else found
