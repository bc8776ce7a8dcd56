"""How one replication attempt ends, and what the key asks this service to pretend.

A key can ask for trouble, so that a test or a demo needs no broken bucket:

| in the key | effect |
| --- | --- |
| `fail-<Code>` | fails with that failure reason at every destination |
| `fail-<Code>@<bucket>` | fails at that destination only |
| `slow-<seconds>` | takes that long |
| `tagless` | S3 may not read the tags: replica without tags, source FAILED, no event |
| `not-tracked` | the metrics lose it: `OperationNotTracked` is sent, it replicates all the same |

Such a cause is never repaired.  The policies of both buckets, their versioning, Object Lock and
encryption settings are causes that can be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.s3_replication.rules import Rule

_FAIL = re.compile(r"fail-(?P<code>[A-Z][A-Za-z0-9]+)(?:@(?P<bucket>[a-z0-9.-]+))?")
_SLOW = re.compile(r"slow-(?P<seconds>\d{1,5}(?:\.\d{1,3})?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What S3 finds when it reads the version."""

    refusal: str | None = None
    """The failure reason of the first read that the bucket policy refuses the role."""
    tags_readable: bool = True
    tagged: bool = False
    locked: bool = False
    """It has a retention or an explicit legal hold, OFF included."""
    customer_key: bool = False
    """Encrypted by a key of the customer's own (SSE-C)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What S3 finds when it gets to the destination bucket."""

    exists: bool = True
    versioned: bool = True
    policy_allows: bool = True
    """Whether the bucket policy lets that role write there."""
    tags_allowed: bool = True
    """Whether it lets that role write tags there."""
    object_lock: bool = False
    blocks_customer_keys: bool = False
    has_replica: bool = False


@dataclass(frozen=True, slots=True)
class Replicated:
    """The replica is there."""


@dataclass(frozen=True, slots=True)
class ReplicatedWithoutTags:
    """The replica is there, its tags are not: FAILED at the source, and no event says so."""


@dataclass(frozen=True, slots=True)
class Failed:
    """Nothing arrived; `code` is the `failureReason` of the event."""

    code: str


Outcome = Replicated | ReplicatedWithoutTags | Failed


def decide(
    key: str, rule: Rule, source: Source, destination: Destination, *, delete_marker: bool
) -> Outcome:
    """The outcome of replicating this key to this rule's destination."""
    code = _failure(key, rule, source, destination, delete_marker=delete_marker)
    if code is not None:
        return Failed(code)
    if delete_marker:
        return Replicated()
    written = destination.tags_allowed or not source.tagged
    if "tagless" in key or not source.tags_readable or not written:
        return ReplicatedWithoutTags()
    return Replicated()


def _failure(
    key: str, rule: Rule, source: Source, destination: Destination, *, delete_marker: bool
) -> str | None:
    """The failure reason, or None.  A replica that is there already stays when SSE-C is blocked."""
    forced = forced_failure(key, rule.destination)
    if forced is not None:
        return forced
    if "denied" in rule.role.rpartition("/")[2].lower():
        return "AssumeRoleNotPermitted"
    if source.refusal is not None:
        return source.refusal
    if not destination.exists:
        return "DstBucketNotFound"
    if not destination.versioned:
        return "DstBucketUnversioned"
    if not destination.policy_allows:
        return "DstDelObjNotPermitted" if delete_marker else "DstPutObjectNotPermitted"
    if source.locked and not destination.object_lock:
        return "DstBucketObjectLockConfigMissing"
    blocked = source.customer_key and destination.blocks_customer_keys
    if blocked and not destination.has_replica:
        return "DstPutObjectNotPermitted"
    return None


def forced_failure(key: str, destination: str) -> str | None:
    """The failure reason the key asks for at this destination.

    A bucket name in a key ends at the end of the key, at a character no bucket name has, or at a
    dot: `fail-X@bucket.txt` is meant for `bucket`.
    """
    for match in _FAIL.finditer(key):
        wanted = match["bucket"]
        if wanted is None or wanted == destination or wanted.startswith(f"{destination}."):
            return match["code"]
    return None


def slow_seconds(key: str) -> float | None:
    """How long the key asks its replication to take, in seconds; None when it does not ask."""
    match = _SLOW.search(key)
    return float(match["seconds"]) if match else None


def is_not_tracked(key: str) -> bool:
    return "not-tracked" in key
