"""Which destinations a write goes to: the rules of a bucket's replication configuration.

Source of the facts: the S3 User Guide on replication configurations.  Written apart from the
tracker's own eligibility on purpose: one mistake must not hide in both.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_KMS = frozenset({"aws:kms", "aws:kms:dsse"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule, V1 (`Prefix` in the rule) or V2 (`Filter`)."""

    rule_id: str
    enabled: bool
    priority: int
    destination: str
    """Bucket name, not its ARN."""
    role: str = ""
    """ARN of the role the configuration names."""
    prefix: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    delete_markers: bool = False
    kms_objects: bool = False
    replica_modifications: bool = False
    """Whether changes made to replicas go to the rule's destination as well."""
    metrics: bool = False
    time_control: bool = False
    storage_class: str | None = None
    owner_override: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Write:
    """What S3 looks at when it decides about a write.  `tags` as they are at that moment."""

    key: str
    tags: Mapping[str, str] = field(default_factory=dict)
    storage_class: str = "STANDARD"
    encryption: str | None = None
    delete_marker: bool = False


def parse(configuration: Mapping[str, Any]) -> tuple[Rule, ...]:
    """The rules of a `ReplicationConfiguration` (the shape GetBucketReplication answers).

    One rule without a `Filter` makes the whole configuration V1, and V1 always replicates the
    delete markers users make.
    """
    rules = configuration.get("Rules", ())
    version_one = any("Filter" not in rule for rule in rules)
    role = str(configuration.get("Role", ""))
    return tuple(_rule(rule, role, version_one=version_one) for rule in rules)


def _rule(rule: Mapping[str, Any], role: str, *, version_one: bool) -> Rule:
    filters = rule.get("Filter") or {}
    both = filters.get("And") or {}
    tags = both.get("Tags", []) or ([filters["Tag"]] if filters.get("Tag") else [])
    destination = rule.get("Destination") or {}
    selected = rule.get("SourceSelectionCriteria") or {}
    return Rule(
        rule_id=rule.get("ID", ""),
        enabled=rule.get("Status") == "Enabled",
        priority=int(rule.get("Priority", 0)),
        destination=str(destination.get("Bucket", "")).rpartition(":::")[2],
        role=role,
        prefix=rule.get("Prefix") or filters.get("Prefix") or both.get("Prefix") or "",
        tags={tag["Key"]: tag["Value"] for tag in tags},
        delete_markers=version_one or _enabled(rule.get("DeleteMarkerReplication")),
        kms_objects=_enabled(selected.get("SseKmsEncryptedObjects")),
        replica_modifications=_enabled(selected.get("ReplicaModifications")),
        metrics=_enabled(destination.get("Metrics")),
        time_control=_enabled(destination.get("ReplicationTime")),
        storage_class=destination.get("StorageClass"),
        owner_override="AccessControlTranslation" in destination,
    )


def _enabled(part: Mapping[str, Any] | None) -> bool:
    return (part or {}).get("Status") == "Enabled"


def routes(rules: Iterable[Rule], write: Write) -> tuple[Rule, ...]:
    """The rules that carry this write, one for each destination.

    Of several rules with one destination bucket the highest `Priority` number counts.
    """
    best: dict[str, Rule] = {}
    for rule in rules:
        if not takes(rule, write):
            continue
        rival = best.get(rule.destination)
        if rival is None or rule.priority > rival.priority:
            best[rule.destination] = rule
    return tuple(best.values())


def takes(rule: Rule, write: Write) -> bool:
    """Whether this rule alone makes the write eligible."""
    if not rule.enabled or not rule.destination or not write.key.startswith(rule.prefix):
        return False
    if write.delete_marker:
        return rule.delete_markers and not rule.tags
    if any(write.tags.get(key) != value for key, value in rule.tags.items()):
        return False
    if write.storage_class in _ARCHIVED:
        return False
    return write.encryption not in _KMS or rule.kms_objects
