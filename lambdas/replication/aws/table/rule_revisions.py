"""The history of each source bucket's rules, in a partition of its own.

pk   #configuration#<bucket>        (no bucket name begins with `#`)
sk   the time a revision is known to hold from
         configuration   B: ReplicationConfiguration as GetBucketReplication gave it, JSON, zlib
                         (S3 allows 2 MB of it, DynamoDB 400 KB an item)
         not_before, told, noticed_at, read_before, looked_back, events_from
                         as in `rule_history.Revision`
     ~read                   the last read that agreed with the newest revision: `at`
     ~told                   a change that CloudTrail reported, for the other processes: `at`
     ~listed                 everything the bucket held before `tracking_since` is known: `at`
     ~missed                 events of the bucket may be missing before `at`
     ~destination#<name>     an event named a destination that is in no rule
     ~replicas#<prefix>      replicas of an untracked bucket arrive below it, until `until`
     ~audit#<destination>    all replicas there are audited, until `until`
     ~own                    the bucket takes many objects of its own, until `until`
"""

import json
import logging
import zlib
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from replication.aws.answers import answering
from replication.aws.table import keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.table import Table
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import parse_configuration
from replication.times import Instant, plus, wall_clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

log = logging.getLogger(__name__)

REPLICAS_DAYS = 7
AUDIT_DAYS = 1
OWN_DAYS = 1
"""How long each counts after it was last seen."""
MOST_PREFIXES = 20
"""With more prefixes, replicas are expected in the whole bucket."""

_TIMES = ("not_before", "noticed_at", "read_before", "events_from")
"""Attributes of a revision that are times and may be missing."""
_READ, _TOLD, _LISTED, _MISSED, _OWN = "~read", "~told", "~listed", "~missed", "~own"
_DESTINATION, _REPLICAS, _AUDIT = "~destination#", "~replicas#", "~audit#"

Raw = Mapping[str, Any]
"""ReplicationConfiguration as S3 gives it; empty when the bucket has none."""


class RuleRevisionTable(Table):
    """See the module. `now` is the wall clock."""

    def __init__(
        self,
        client: "DynamoDBClient",
        table_name: str,
        now: Callable[[], Instant] = wall_clock,
    ) -> None:
        super().__init__(client, table_name)
        self._now = now

    def load(self, bucket: str) -> RuleHistory | None:
        """The history of a bucket; None when its configuration was never read. One Query."""
        revisions: list[Revision] = []
        notes: dict[str, Mapping[str, Any]] = {}
        for item in self._items("pk = :pk", {"pk": _partition(bucket)}):
            if item["sk"]["S"].startswith("~"):
                notes[item["sk"]["S"]] = item
                continue
            revision = _read_revision(item)
            # Two processes may have kept one change. With its time, it may be a change back.
            same = bool(revisions) and revisions[-1].configuration == revision.configuration
            if not same or revision.told:
                revisions.append(revision)
        if not revisions:
            return None
        now = self._now()
        valid = [n for n, one in notes.items() if "until" not in one or one["until"]["S"] > now]
        return RuleHistory(
            bucket,
            tuple(revisions),
            read_at=Instant(notes[_READ]["at"]["S"]) if _READ in notes else revisions[-1].since,
            told_at=Instant(notes[_TOLD]["at"]["S"]) if _TOLD in notes else None,
            listed=_LISTED in notes,
            missed_until=_missed_until(notes),
            others=_named(valid, _DESTINATION),
            replicas_under=_named(valid, _REPLICAS),
            audited_whole=_named(valid, _AUDIT),
        )

    def append(self, bucket: str, revision: Revision, raw: Raw) -> None:
        self._keep(bucket, revision.since, configuration={"B": _pack(raw)}, **_details(revision))

    @answering("the table")
    def amend(self, bucket: str, since: Instant, revision: Revision) -> None:
        """Replaces the revision kept as of `since`, after its time became more exact."""
        key = _key(bucket, since)
        item = self._item(key)
        if item is None:
            return
        new = {
            **_key(bucket, revision.since),
            "configuration": item["configuration"],
            **_details(revision),
        }
        if revision.since == since:
            self._put(new)
            return
        put: Any = {"TableName": self._table_name, "Item": new}
        delete: Any = {"TableName": self._table_name, "Key": key}
        self._client.transact_write_items(TransactItems=[{"Put": put}, {"Delete": delete}])

    @answering("the table")
    def note_looked_back(self, bucket: str, since: Instant) -> None:
        """A revision that was amended meanwhile has another time: its look-back is done again."""
        try:
            self._client.update_item(
                TableName=self._table_name,
                Key=_key(bucket, since),
                UpdateExpression="SET looked_back = :yes",
                ConditionExpression="attribute_exists(pk)",
                ExpressionAttributeValues={":yes": {"BOOL": True}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            log.info("the rules of %s of %s have become those of another time", bucket, since)

    def note_read(self, bucket: str, at: Instant) -> None:
        """The rules were read and had not changed. An older time of another function may win; being
        a minute behind does no harm."""
        self._keep(bucket, _READ, at={"S": at})

    def note_told(self, bucket: str, at: Instant) -> None:
        """CloudTrail reported a change of that second. An older one may win; whoever was told of
        the newer one knows it."""
        self._keep(bucket, _TOLD, at={"S": at})

    def note_listed(self, bucket: str, at: Instant) -> None:
        self._keep(bucket, _LISTED, at={"S": at})

    def note_missed(self, bucket: str, until: Instant) -> None:
        """Events of the bucket may be missing before `until`, until a later inventory is read."""
        self._keep(bucket, _MISSED, at={"S": until})

    def note_destination(self, bucket: str, destination: str) -> None:
        self._keep(bucket, f"{_DESTINATION}{destination}")

    def note_replicas(self, bucket: str, prefix: str) -> None:
        known = self.load(bucket)
        if known and len(known.replicas_under) >= MOST_PREFIXES:
            prefix = ""
        self._keep(bucket, f"{_REPLICAS}{prefix}", **self._until(REPLICAS_DAYS))

    def note_audit(self, bucket: str, destination: str) -> None:
        self._keep(bucket, f"{_AUDIT}{destination}", **self._until(AUDIT_DAYS))

    def note_own(self, bucket: str) -> None:
        self._keep(bucket, _OWN, **self._until(OWN_DAYS))

    def takes_own(self, bucket: str) -> bool:
        item = self._item(_key(bucket, _OWN), consistent=False)
        return item is not None and item["until"]["S"] > self._now()

    def _until(self, days: int) -> dict[str, Any]:
        until = plus(self._now(), days * DAY)
        return {"until": {"S": until}, "expires_at": expiry(until, 0)}

    def _keep(self, bucket: str, sk: str, **attributes: Any) -> None:
        self._put({**_key(bucket, sk), **attributes})


def _key(bucket: str, sk: str) -> dict[str, Any]:
    return {"pk": {"S": _partition(bucket)}, "sk": {"S": sk}}


def _partition(bucket: str) -> str:
    return f"{keys.CONFIGURATION}{bucket}"


def _missed_until(notes: Mapping[str, Mapping[str, Any]]) -> Instant | None:
    missed, listed = (
        notes[name]["at"]["S"] if name in notes else "" for name in (_MISSED, _LISTED)
    )
    return Instant(missed) if missed > listed else None


def _named(notes: list[str], prefix: str) -> tuple[str, ...]:
    return tuple(sorted(name.removeprefix(prefix) for name in notes if name.startswith(prefix)))


def _details(revision: Revision) -> dict[str, Any]:
    details: dict[str, Any] = {
        "told": {"BOOL": revision.told},
        "looked_back": {"BOOL": revision.looked_back},
    }
    for name in _TIMES:
        if value := getattr(revision, name):
            details[name] = {"S": value}
    return details


def _read_revision(item: Mapping[str, Any]) -> Revision:
    times: dict[str, Any] = {name: Instant(item[name]["S"]) for name in _TIMES if name in item}
    return Revision(
        Instant(item["sk"]["S"]),
        parse_configuration(_unpack(item["configuration"]["B"])),
        told=item.get("told", {}).get("BOOL", False),
        looked_back=item.get("looked_back", {}).get("BOOL", True),
        **times,
    )


def _pack(raw: Raw) -> bytes:
    return zlib.compress(json.dumps(raw, separators=(",", ":")).encode())


def _unpack(packed: bytes) -> Raw:
    unpacked: Raw = json.loads(zlib.decompress(packed))
    return unpacked
