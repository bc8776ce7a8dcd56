"""Writes of incidents; see `incident_reads.py` for their items."""

from typing import Any, NamedTuple

from replication.aws.answers import answering
from replication.aws.table import counter_item, keys
from replication.aws.table.expiry import DAY, expiry
from replication.aws.table.incident_reads import open_key, read_incident
from replication.aws.table.ledger_item import Item
from replication.aws.table.table import Table
from replication.counters.counter import FailureKind
from replication.counters.incident import Incident, encode
from replication.times import Instant

KEPT_DAYS = 400


class Saved(NamedTuple):
    """An open incident as it was read; `revision` is 0 when there is none."""

    incident: Incident | None
    revision: int


class IncidentTable(Table):
    """See the module."""

    def load(self, kind: FailureKind) -> Saved:
        """The open incident of a kind (strongly consistent)."""
        item = self._item(open_key(kind))
        return Saved(read_incident(item), int(item["rev"]["N"])) if item else Saved(None, 0)

    def save(self, incident: Incident, revision: int) -> bool:
        """Writes an open incident; False when it is not at `revision` any more."""
        item = open_key(incident.kind) | _content(incident, revision + 1)
        return self._put(item, **_unchanged(revision))

    @answering("the table")
    def resolve(self, incident: Incident, revision: int) -> bool:
        """Moves it to the resolved ones; False when it is not at `revision` any more."""
        assert incident.resolved_at
        put: Any = {
            "TableName": self._table_name,
            "Item": {
                "pk": {"S": keys.INCIDENTS_RESOLVED},
                "sk": {"S": incident.id},
                **_content(incident, revision + 1),
                "expires_at": expiry(incident.resolved_at, KEPT_DAYS * DAY),
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
    """An id that sorts by time and is different for each kind: `20261122T101502120Z-5f1c3a9e`."""
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
