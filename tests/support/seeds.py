"""Builds ledger records the way the recorder leaves them, from a few words."""

from typing import TYPE_CHECKING, Any

from replication.aws.table.ledger_item import item_of
from replication.ledger.fact import Fact, Kind
from replication.ledger.fold import fold
from replication.ledger.item import LedgerItem
from replication.s3.evidence import Evidence
from replication.s3.version import ObjectVersion
from replication.times import Instant

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SOURCE = "src"
DESTINATION = "dst-a"
OTHER_DESTINATION = "dst-b"

_EVIDENCE = {
    Kind.REQUESTED: Evidence.OBJECT_CREATED,
    Kind.INELIGIBLE: Evidence.OBJECT_CREATED,
    Kind.CHANGED: Evidence.OBJECT_CHANGED,
    Kind.ARRIVED: Evidence.REPLICA_CREATED,
    Kind.REPLICA_DELETED: Evidence.OBJECT_DELETED,
    Kind.DELETED: Evidence.OBJECT_DELETED,
    Kind.OBSERVED: Evidence.HEAD_SOURCE,
}


def at(seconds: float) -> Instant:
    """An instant so many seconds after 10:00."""
    minutes, rest = divmod(seconds, 60)
    return Instant(f"2026-11-22T10:{int(minutes):02d}:{rest:06.3f}Z")


def version(key: str = "a/key", version_id: str = "v1", bucket: str = SOURCE) -> ObjectVersion:
    return ObjectVersion(bucket, key, version_id)


def stored(
    *facts: tuple[Kind, float] | tuple[Kind, float, dict[str, Any]],
    of: ObjectVersion | None = None,
    destination: str = DESTINATION,
) -> LedgerItem:
    """A record of facts given as (kind, seconds after 10:00, further fields)."""
    subject = of or version()
    made = [
        Fact(
            version=subject,
            destination=destination,
            kind=one[0],
            at=at(one[1]),
            **(
                {
                    "evidence": _EVIDENCE.get(one[0], Evidence.REPLICATION_EVENT),
                    "id": f"event-{number}",
                }
                | (one[2] if len(one) == 3 else {})
            ),
        )
        for number, one in enumerate(facts)
    ]
    return LedgerItem(subject, destination, fold(made))


def requested(seconds: float = 0, **fields: Any) -> tuple[Kind, float, dict[str, Any]]:
    known = {"rule_id": "rule-a", "size": 1024, "etag": "e7a9", "sequencer": "0055AED6DCD90281E5"}
    return Kind.REQUESTED, seconds, known | fields


def arrived(seconds: float, **fields: Any) -> tuple[Kind, float, dict[str, Any]]:
    return Kind.ARRIVED, seconds, fields


def failed(seconds: float, **fields: Any) -> tuple[Kind, float, dict[str, Any]]:
    return Kind.FAILED, seconds, {"failure_code": "DstPutObjectNotPermitted"} | fields


def put(dynamodb: "DynamoDBClient", table: str, *records: LedgerItem, shards: int = 2) -> None:
    for record in records:
        dynamodb.put_item(TableName=table, Item=item_of(record, shards))
