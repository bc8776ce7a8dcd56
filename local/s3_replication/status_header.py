"""`x-amz-replication-status` of a source version: the aggregate over its destinations.

S3 says COMPLETED only when every destination has it, FAILED when at least one failed, PENDING
otherwise.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection


class Status(StrEnum):
    PENDING = "PENDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    REPLICA = "REPLICA"


def aggregate(destinations: Collection[Status], *, fails_at_once: bool = True) -> Status | None:
    """The header for these destinations; None (no header) when no rule took the object.

    Amazon does not say whether a failure shows while another destination is pending:
    `fails_at_once` decides.
    """
    if not destinations:
        return None
    if Status.PENDING in destinations and not fails_at_once:
        return Status.PENDING
    if Status.FAILED in destinations:
        return Status.FAILED
    if all(status is Status.COMPLETED for status in destinations):
        return Status.COMPLETED
    return Status.PENDING
