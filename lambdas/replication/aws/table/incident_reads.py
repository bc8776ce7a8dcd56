"""Reads of incidents, and how they are stored.

    open       pk #incidents#open        sk <bucket>#<destination>#<benign>#<code>#<rule id>; with a
                                         digest of the last three when it would be too long
    resolved   pk #incidents#resolved    sk <incident id>, which begins with the time it opened

    incident   the incident as JSON     rev   the number of its writes

A kind of failure has one key, and so at most one open incident.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from replication.aws.table import counter_item, keys
from replication.aws.table.ledger_item import Item
from replication.aws.table.table import Table
from replication.counters.counter import FailureKind
from replication.counters.incident import Incident, decode


class IncidentReads(Table):
    """See the module."""

    def open_of(self, bucket: str, destination: str) -> list[Incident]:
        """The open incidents of a route."""
        return [one for one, _ in self.listed_open(f"{bucket}#{destination}#", None, None)]

    def find(self, incident_id: str) -> Incident | None:
        """An incident, open or resolved."""
        if not self.is_key(incident_id):
            return None
        key = {"pk": {"S": keys.INCIDENTS_RESOLVED}, "sk": {"S": incident_id}}
        item = self._item(key, consistent=False)
        if item:
            return read_incident(item)
        everything = self.listed_open("", None, None)
        return next((one for one, _ in everything if one.id == incident_id), None)

    def is_key(self, text: str) -> bool:
        """Whether the text can be a sort key; DynamoDB refuses queries for any other."""
        return 0 < len(text.encode()) <= keys.SORT_KEY_BYTES

    def listed_open(
        self, prefix: str, behind: str | None, limit: int | None
    ) -> Iterator[tuple[Incident, str]]:
        """Open incidents by route, each with where the list continues after it."""
        yield from self._listed(keys.INCIDENTS_OPEN, prefix, behind, limit, forward=True)

    def listed_resolved(
        self, behind: str | None, limit: int | None
    ) -> Iterator[tuple[Incident, str]]:
        """Resolved incidents, the last to open first, each with where the list continues."""
        yield from self._listed(keys.INCIDENTS_RESOLVED, "", behind, limit, forward=False)

    def _listed(
        self, pk: str, prefix: str, behind: str | None, limit: int | None, *, forward: bool
    ) -> Iterator[tuple[Incident, str]]:
        condition, values = "pk = :pk", {"pk": pk}
        if prefix:
            condition += " AND begins_with(sk, :prefix)"
            values["prefix"] = prefix
        elif behind is not None:
            condition += f" AND sk {'>' if forward else '<'} :behind"
            values["behind"] = behind
        pages = {"MaxItems": limit} if limit else {}
        for item in self._items(
            condition, values, ScanIndexForward=forward, PaginationConfig=pages
        ):
            yield read_incident(item), item["sk"]["S"]


def open_key(kind: FailureKind) -> Item:
    return {"pk": {"S": keys.INCIDENTS_OPEN}, "sk": {"S": counter_item.incident_sort_key(kind)}}


def read_incident(item: Mapping[str, Any]) -> Incident:
    return decode(item["incident"]["S"])
