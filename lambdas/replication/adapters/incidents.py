"""Writes of incidents, and the topic they are told on. `incident_reads.py` says how they lie."""

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from replication.adapters import counter_items
from replication.adapters.incident_reads import RESOLVED, open_key, read_incident
from replication.adapters.items import Item
from replication.contributions import Trouble
from replication.errors import Unavailable
from replication.incidents import Incident, Notice, encode
from replication.times import Instant, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

KEPT_DAYS = 400


class Saved(NamedTuple):
    """An open incident as it was read; `revision` is 0 when there is none."""

    incident: Incident | None
    revision: int


class IncidentTable:
    def __init__(self, client: "DynamoDBClient", table_name: str) -> None:
        self._client = client
        self._table_name = table_name

    def load(self, trouble: Trouble) -> Saved:
        """The open incident of a kind, strongly consistent."""
        item = self._client.get_item(
            TableName=self._table_name, Key=open_key(trouble), ConsistentRead=True
        ).get("Item")
        return Saved(read_incident(item), int(item["rev"]["N"])) if item else Saved(None, 0)

    def save(self, incident: Incident, revision: int) -> bool:
        """Writes an open incident over `revision`; False when somebody else wrote first."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=open_key(incident.trouble) | _content(incident, revision + 1),
                **_unchanged(revision),
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def resolve(self, incident: Incident, revision: int) -> bool:
        """Moves it to the resolved ones; False when somebody else wrote first."""
        assert incident.resolved_at
        kept = int(to_datetime(incident.resolved_at).timestamp()) + KEPT_DAYS * 86_400
        put: Any = {
            "TableName": self._table_name,
            "Item": {
                "pk": {"S": RESOLVED},
                "sk": {"S": incident.id},
                **_content(incident, revision + 1),
                "expires_at": {"N": str(kept)},
            },
        }
        delete: Any = {
            "TableName": self._table_name,
            "Key": open_key(incident.trouble),
            **_unchanged(revision),
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Delete": delete}])
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True


class IncidentTopic:
    def __init__(self, client: "SNSClient", topic_arn: str) -> None:
        self._client = client
        self._topic_arn = topic_arn

    def publish(self, notice: Notice) -> None:
        """Unavailable when SNS does not take it."""
        try:
            self._client.publish(
                TopicArn=self._topic_arn,
                Subject=notice.subject,
                Message=json.dumps(notice.body),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in notice.attributes.items()
                },
            )
        except (ClientError, BotoCoreError) as error:
            raise Unavailable(f"the incident topic does not take a message: {error}") from error


def incident_id(trouble: Trouble, now: Instant) -> str:
    """Sorts by time, and no two kinds share one: `20261122T101502120Z-5f1c3a9e`."""
    moment = "".join(one for one in now if one.isalnum())
    return f"{moment}-{counter_items.digest_of(trouble)}"


def _content(incident: Incident, revision: int) -> Item:
    return {"incident": {"S": encode(incident)}, "rev": {"N": str(revision)}}


def _unchanged(revision: int) -> dict[str, Any]:
    if revision == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"N": str(revision)}},
    }
