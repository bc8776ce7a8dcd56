"""The rules of a bucket as S3 reads them, and the names that the model's world has."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SOURCE = "src"
DESTINATIONS = ("dst-a", "dst-b")
CHAIN = "dst-a"
"""The destination that replicates on, where a model has a chain."""
THIRD = "third"
"""Where it replicates to."""
TAG = {"replicate": "yes"}


@dataclass
class Rule:
    """One V2 rule with metrics."""

    destination: str
    prefix: str = ""
    tagged: bool = False
    delete_markers: bool = True
    enabled: bool = True

    def matches(self, key: str, tags: Mapping[str, str], *, marker: bool) -> bool:
        if not self.enabled or not key.startswith(self.prefix):
            return False
        return not self.tagged or (tags.get("replicate") == "yes" and not marker)

    def raw(self, number: int) -> dict[str, Any]:
        tags = [{"Key": name, "Value": value} for name, value in TAG.items()]
        wanted = {"And": {"Prefix": self.prefix, "Tags": tags}} if self.tagged else None
        return {
            "ID": f"to-{self.destination}-{number}",
            "Priority": number,
            "Status": "Enabled" if self.enabled else "Disabled",
            "Filter": wanted or {"Prefix": self.prefix},
            "DeleteMarkerReplication": {"Status": "Enabled" if self.delete_markers else "Disabled"},
            "Destination": {
                "Bucket": f"arn:aws:s3:::{self.destination}",
                "Metrics": {"Status": "Enabled"},
            },
        }


def taken(
    rules: Iterable[Rule], key: str, tags: Mapping[str, str], *, marker: bool = False
) -> set[str]:
    """The destinations that rules take something to. Of several rules with one destination the one
    with the highest priority counts, which is the last one here."""
    winners = {r.destination: r for r in rules if r.matches(key, tags, marker=marker)}
    return {name for name, rule in winners.items() if rule.delete_markers or not marker}


def configuration(rules: Iterable[Rule]) -> dict[str, Any]:
    """What GetBucketReplication answers."""
    raw = [rule.raw(number) for number, rule in enumerate(rules)]
    return {"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": raw}}
