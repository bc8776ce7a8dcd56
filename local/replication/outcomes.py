"""How one replication attempt ends, and what the key asks this service to pretend.

A key can ask for trouble, so that a test or a demo needs no broken bucket:

| in the key | effect |
| --- | --- |
| `fail-<Code>` | fails with that failure reason at every destination |
| `fail-<Code>@<bucket>` | fails at that destination only |
| `slow-<seconds>` | takes that long |
| `tagless` | S3 may not read the tags: replica without tags, source FAILED, no event |
| `not-tracked` | the metrics lose it: `OperationNotTracked` is sent, it replicates all the same |
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from local.replication.rules import Rule

_FAIL = re.compile(r"fail-(?P<code>[A-Z][A-Za-z0-9]+)(?:@(?P<bucket>[a-z0-9.-]+))?")
_SLOW = re.compile(r"slow-(?P<seconds>\d{1,5}(?:\.\d{1,3})?)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """What S3 finds when it gets to the destination bucket."""

    exists: bool = True
    versioned: bool = True
    policy_allows: bool = True
    """Whether the bucket policy lets that role write there."""


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


def decide(key: str, rule: Rule, destination: Destination, *, delete_marker: bool) -> Outcome:
    """The outcome of replicating this key to this rule's destination."""
    forced = forced_failure(key, rule.destination)
    if forced is not None:
        return Failed(forced)
    if "denied" in rule.role.rpartition("/")[2].lower():
        return Failed("AssumeRoleNotPermitted")
    if not destination.exists:
        return Failed("DstBucketNotFound")
    if not destination.versioned:
        return Failed("DstBucketUnversioned")
    if not destination.policy_allows:
        return Failed("DstDelObjNotPermitted" if delete_marker else "DstPutObjectNotPermitted")
    if "tagless" in key and not delete_marker:
        return ReplicatedWithoutTags()
    return Replicated()


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
