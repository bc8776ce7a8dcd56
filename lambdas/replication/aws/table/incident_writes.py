"""Writes of incidents. `incident_reads.py` says where they are kept."""

from typing import TYPE_CHECKING, Any, NamedTuple

from replication.aws.answers import answering
from replication.aws.table import counter_item, keys
from replication.aws.table.incident_reads import open_key, read_incident
from replication.aws.table.ledger_item import Item
from replication.counters.counter import FailureKind
from replication.counters.incident import Incident, encode
from replication.times import Instant, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

KEPT_DAYS = 400


class Saved(NamedTuple):
    """An open incident as it was read; `revision` is 0 when there is none."""

    incident: Incident | None
    revision: int


class IncidentTable:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    @answering("the table")
    def load(self, kind: FailureKind) -> Saved:
        """The open incident of a kind, strongly consistent."""
        item = self._client.get_item(
            TableName=self._table_name, Key=open_key(kind), ConsistentRead=True
        ).get("Item")
        return Saved(read_incident(item), int(item["rev"]["N"])) if item else Saved(None, 0)

    @answering("the table")
    def save(self, incident: Incident, revision: int) -> bool:
        """Writes an open incident over `revision`; False when somebody else wrote first."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=open_key(incident.kind) | _content(incident, revision + 1),
                **_unchanged(revision),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    @answering("the table")
    def resolve(self, incident: Incident, revision: int) -> bool:
        """Moves it to the resolved ones; False when somebody else wrote first."""
        assert incident.resolved_at
        kept = int(to_datetime(incident.resolved_at).timestamp()) + KEPT_DAYS * 86_400
        put: Any = {
            "TableName": self._table_name,
            "Item": {
                "pk": {"S": keys.INCIDENTS_RESOLVED},
                "sk": {"S": incident.id},
                **_content(incident, revision + 1),
                "expires_at": {"N": str(kept)},
            },
        }
        delete: Any = {
            "TableName": self._table_name,
            "Key": open_key(incident.kind),
            **_unchanged(revision),
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Delete": delete}])
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True


def incident_id(kind: FailureKind, now: Instant) -> str:
    """Sorts by time, and no two kinds share one: `20261122T101502120Z-5f1c3a9e`."""
    moment = "".join(one for one in now if one.isalnum())
    return f"{moment}-{counter_item.digest_of(kind)}"


def _content(incident: Incident, revision: int) -> Item:
    return {"incident": {"S": encode(incident)}, "rev": {"N": str(revision)}}


def _unchanged(revision: int) -> dict[str, Any]:
    if revision == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"N": str(revision)}},
    }
