"""Where a fact was seen."""

from enum import StrEnum


class Evidence(StrEnum):
    """Where a fact was seen; the API shows it beside every status."""

    OBJECT_CREATED = "object_created"
    REPLICA_CREATED = "replica_created"
    REPLICATION_EVENT = "replication_event"
    HEAD_SOURCE = "head_source"
    HEAD_DESTINATION = "head_destination"
    INVENTORY = "inventory"
    BATCH_REPORT = "batch_report"
    OBJECT_DELETED = "object_deleted"
    OBJECT_CHANGED = "object_changed"
