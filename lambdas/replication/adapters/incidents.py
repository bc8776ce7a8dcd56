"""Incidents in the ledger's table, and the topic they are told on.

    open       pk #incidents#open        sk <bucket>#<destination>#<benign>#<code>#<rule id>
    resolved   pk #incidents#resolved    sk <incident id>, which begins with the time it opened

    incident   the incident as JSON     rev   counts its writes

There is at most one open incident of a kind, because they share a key. Resolved ones are forgotten
after `KEPT_DAYS`.
"""

import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from replication.adapters import counter_items
from replication.adapters.items import Item
from replication.contributions import Trouble
from replication.errors import Unavailable
from replication.incidents import Incident, Notice, decode, encode
from replication.times import Instant, to_datetime

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

OPEN, RESOLVED = "#incidents#open", "#incidents#resolved"
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
            TableName=self._table_name, Key=_open_key(trouble), ConsistentRead=True
        ).get("Item")
        return Saved(_read(item), int(item["rev"]["N"])) if item else Saved(None, 0)

    def save(self, incident: Incident, revision: int) -> bool:
        """Writes an open incident over `revision`; False when somebody else wrote first."""
        try:
            self._client.put_item(
                TableName=self._table_name,
                Item=_open_key(incident.trouble) | _content(incident, revision + 1),
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
            "Key": _open_key(incident.trouble),
            **_unchanged(revision),
        }
        try:
            self._client.transact_write_items(TransactItems=[{"Put": put}, {"Delete": delete}])
        except self._client.exceptions.TransactionCanceledException:
            return False
        return True

    def open_of(self, bucket: str, destination: str) -> list[Incident]:
        """The open incidents of a route."""
        return [one for one, _ in self.listed_open(f"{bucket}#{destination}#", None, None)]

    def find(self, incident_id: str) -> Incident | None:
        """An incident, open or resolved."""
        item = self._client.get_item(
            TableName=self._table_name, Key={"pk": {"S": RESOLVED}, "sk": {"S": incident_id}}
        ).get("Item")
        if item:
            return _read(item)
        everything = self.listed_open("", None, None)
        return next((one for one, _ in everything if one.id == incident_id), None)

    def listed_open(
        self, prefix: str, behind: str | None, limit: int | None
    ) -> Iterator[tuple[Incident, str]]:
        """Open incidents by route, each with where the list goes on behind it."""
        yield from self._listed(OPEN, prefix, behind, limit, forward=True)

    def listed_resolved(
        self, behind: str | None, limit: int | None
    ) -> Iterator[tuple[Incident, str]]:
        """Resolved incidents, the last to open first, each with where the list goes on."""
        yield from self._listed(RESOLVED, "", behind, limit, forward=False)

    def _listed(
        self, pk: str, prefix: str, behind: str | None, limit: int | None, *, forward: bool
    ) -> Iterator[tuple[Incident, str]]:
        condition, values = "pk = :pk", {":pk": {"S": pk}}
        if prefix:
            condition += " AND begins_with(sk, :prefix)"
            values[":prefix"] = {"S": prefix}
        elif behind is not None:
            condition += f" AND sk {'>' if forward else '<'} :behind"
            values[":behind"] = {"S": behind}
        pages = self._client.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ScanIndexForward=forward,
            ConsistentRead=True,
            PaginationConfig={"MaxItems": limit} if limit else {},
        )
        for page in pages:
            for item in page["Items"]:
                yield _read(item), item["sk"]["S"]


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


def _open_key(trouble: Trouble) -> Item:
    sk = f"{trouble.bucket}#{trouble.destination}#{counter_items.trouble_sort_key(trouble)}"
    return {"pk": {"S": OPEN}, "sk": {"S": sk}}


def _content(incident: Incident, revision: int) -> Item:
    return {"incident": {"S": encode(incident)}, "rev": {"N": str(revision)}}


def _unchanged(revision: int) -> dict[str, Any]:
    if revision == 0:
        return {"ConditionExpression": "attribute_not_exists(pk)"}
    return {
        "ConditionExpression": "rev = :rev",
        "ExpressionAttributeValues": {":rev": {"N": str(revision)}},
    }


def _read(item: Mapping[str, Any]) -> Incident:
    return decode(item["incident"]["S"])
