"""Where the tracker learnt something from."""

from enum import StrEnum


class Evidence(StrEnum):
    """Where a fact was seen; the API shows it beside every status."""

    OBJECT_CREATED = "object_created"
    """ObjectCreated event of the source bucket."""
    REPLICA_CREATED = "replica_created"
    """ObjectCreated event of a destination bucket."""
    REPLICATION_EVENT = "replication_event"
    """`s3:Replication:*` notification of the source bucket."""
    HEAD_SOURCE = "head_source"
    HEAD_DESTINATION = "head_destination"
    INVENTORY = "inventory"
    """Row of an S3 Inventory of the source bucket."""
    BATCH_REPORT = "batch_report"
    """Row of a Batch Replication completion report."""
    OBJECT_DELETED = "object_deleted"
    OBJECT_CHANGED = "object_changed"
    """Event of changed tags, ACL or Object Lock retention."""


READINGS = frozenset(
    {
        Evidence.HEAD_SOURCE,
        Evidence.HEAD_DESTINATION,
        Evidence.INVENTORY,
        Evidence.BATCH_REPORT,
    }
)
"""Evidence dated by when it was read, not by when something happened."""

EVENTS = frozenset(Evidence) - READINGS
"""Evidence that carries the time at which something happened."""
