"""Which destinations a replication configuration sends an object to.

Source: the replication configuration chapter of the S3 user guide and the response of
GetBucketReplication. A rule with a `Filter` makes the configuration V2; a configuration without
any `Filter` is V1, whose rules replicate delete markers and know no tags.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, of a V1 or a V2 configuration."""

    id: str
    priority: int
    enabled: bool
    prefix: str
    tags: tuple[tuple[str, str], ...]
    """Name and value of each tag an object must have, sorted."""
    destination: str
    """A bucket name."""
    delete_markers: bool
    """Whether it replicates delete markers."""
    metrics: bool
    """Whether it has replication metrics; without them S3 sends no failure events."""
    threshold_minutes: int | None = None
    """Of Replication Time Control; None without it."""
    kms: bool = False
    """Whether it replicates objects encrypted with SSE-KMS."""
    replica_modifications: bool = False
    """Whether it sends changes of replicas back to their source."""

    def may_take(self, key: str, *, delete_marker: bool = False) -> bool:
        """Whether the rule matches the key while it is enabled and the object has its tags."""
        return key.startswith(self.prefix) and (
            not delete_marker or (self.delete_markers and not self.tags)
        )

    def may_take_under(self, prefix: str) -> bool:
        """Whether the rule matches any key that begins so."""
        return prefix.startswith(self.prefix) or self.prefix.startswith(prefix)


@dataclass(frozen=True, slots=True)
class Configuration:
    """The replication configuration of one source bucket."""

    rules: tuple[Rule, ...] = ()
    """Empty: the bucket has no replication configuration."""
    role: str | None = None
    """ARN of the role S3 replicates with."""

    @property
    def destinations(self) -> frozenset[str]:
        """Bucket names of all rules, the disabled ones included."""
        return frozenset(rule.destination for rule in self.rules)


@dataclass(frozen=True, slots=True)
class Target:
    """A destination bucket and the rule that sends the object there."""

    destination: str
    rule_id: str


class TagsNeeded(Exception):
    """Raised by `targets` when the result depends on tags that were not given."""


def targets(
    configuration: Configuration, key: str, *, delete_marker: bool, tags: Tags | None = None
) -> tuple[Target, ...]:
    """The destinations of a new object version, ordered by bucket name.

    S3 sends it to every destination that an enabled rule matches. Of several matching rules with
    one destination the one with the highest priority number applies. A rule with a tag filter
    replicates no delete markers. `tags` are those the object had when it was created; TagsNeeded
    if they are None and a matching rule depends on them.
    """
    winners: dict[str, Rule] = {}
    for rule in sorted(configuration.rules, key=lambda rule: -rule.priority):
        if rule.destination in winners or not _matches(rule, key, delete_marker, tags):
            continue
        winners[rule.destination] = rule
    return tuple(
        Target(destination, rule.id)
        for destination, rule in sorted(winners.items())
        if rule.delete_markers or not delete_marker
    )


def _matches(rule: Rule, key: str, delete_marker: bool, tags: Tags | None) -> bool:
    if not rule.enabled or not key.startswith(rule.prefix):
        return False
    if not rule.tags:
        return True
    if delete_marker:
        return False
    if tags is None:
        raise TagsNeeded
    return all(tags.get(name) == value for name, value in rule.tags)


def parse_configuration(configuration: Mapping[str, Any]) -> Configuration:
    """`ReplicationConfiguration` as GetBucketReplication returns it. ValueError when it is none."""
    try:
        raw = configuration["Rules"]
        v1 = not any("Filter" in rule for rule in raw)
        rules = tuple(_rule(rule, number, v1) for number, rule in enumerate(raw))
        return Configuration(rules, configuration.get("Role"))
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"not a replication configuration: {error!r}") from error


def _rule(raw: Mapping[str, Any], number: int, v1: bool) -> Rule:
    destination = raw["Destination"]
    criteria = raw.get("SourceSelectionCriteria", {})
    time_control = destination.get("ReplicationTime", {})
    prefix, tags = _filter(raw)
    return Rule(
        # S3 gives every rule an ID; the number is for a configuration without them.
        id=raw.get("ID") or f"rule-{number}",
        priority=int(raw.get("Priority", 0)),
        enabled=raw["Status"] == "Enabled",
        prefix=prefix,
        tags=tags,
        destination=bucket_of_arn(destination["Bucket"]),
        delete_markers=v1 or _enabled(raw.get("DeleteMarkerReplication")),
        metrics=_enabled(destination.get("Metrics")),
        threshold_minutes=(
            int(time_control.get("Time", {}).get("Minutes", 15)) if _enabled(time_control) else None
        ),
        kms=_enabled(criteria.get("SseKmsEncryptedObjects")),
        replica_modifications=_enabled(criteria.get("ReplicaModifications")),
    )


def _filter(raw: Mapping[str, Any]) -> tuple[str, tuple[tuple[str, str], ...]]:
    if "Filter" not in raw:
        return raw.get("Prefix", ""), ()
    found = raw["Filter"]
    both = found.get("And", {})
    tags: Iterable[Mapping[str, str]] = [found["Tag"]] if "Tag" in found else both.get("Tags", [])
    prefix = found.get("Prefix") or both.get("Prefix") or ""
    return prefix, tuple(sorted((tag["Key"], tag["Value"]) for tag in tags))


def _enabled(setting: Mapping[str, Any] | None) -> bool:
    return bool(setting) and setting is not None and setting.get("Status") == "Enabled"


def bucket_of_arn(arn: str) -> str:
    """`arn:aws:s3:::name` as `name`. ValueError when it is no bucket ARN."""
    head, _, name = arn.rpartition(":::")
    if not head.startswith("arn:") or not name:
        raise ValueError(f"{arn!r} is not the ARN of a bucket")
    return name
