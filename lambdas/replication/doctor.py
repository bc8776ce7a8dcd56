"""What keeps the tracker from knowing, found in what it knows of itself. Pure."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from replication.configuration import History
from replication.errors import Denied
from replication.times import Instant


class Severity(StrEnum):
    """`error`: something cannot be known; `warning`: it is known late or at a higher cost."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend on one bucket. `observed_at` is null for what follows from the rules."""

    bucket: str
    check: str
    severity: Severity
    finding: str
    fix: str
    observed_at: Instant | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def examine(
    histories: Mapping[str, History | None],
    destination_buckets: Collection[str],
    denied: Sequence[tuple[Denied, Instant]],
) -> list[Finding]:
    """Findings by bucket, errors first. `histories` has every source bucket, None where its
    configuration was never read; `denied` are the refusals S3 answered lately."""
    found = [
        finding
        for bucket, history in histories.items()
        for finding in _of_source(bucket, history, destination_buckets)
    ]
    found += [
        Finding(
            error.bucket,
            "access",
            Severity.ERROR,
            f"S3 denies {error.action}, so versions of this bucket cannot be looked at.",
            f"Allow {error.action} to the tracker's functions in the bucket's policy, and"
            " kms:Decrypt on its key if it is encrypted with one.",
            at,
        )
        for error, at in denied
    ]
    return sorted(found, key=lambda one: (one.bucket, one.severity, one.check, one.finding))


def _of_source(
    bucket: str, history: History | None, destination_buckets: Collection[str]
) -> Iterator[Finding]:
    if history is None:
        yield Finding(
            bucket,
            "configuration",
            Severity.ERROR,
            "The replication configuration was never read, so nobody can tell what is due.",
            "Allow s3:GetReplicationConfiguration to the record function; it tries every minute.",
        )
        return
    rules = [rule for rule in history.current.rules if rule.enabled]
    if not rules:
        yield Finding(
            bucket,
            "rules",
            Severity.WARNING,
            "No rule is enabled: nothing replicates from here.",
            "Enable a replication rule, or take the bucket out of source_buckets.",
        )
    for rule in rules:
        if not rule.metrics:
            yield Finding(
                bucket,
                "metrics",
                Severity.ERROR,
                f"Rule {rule.id} has no replication metrics, so S3 reports none of its failures.",
                "Turn replication metrics on for the rule (Destination.Metrics).",
            )
    for name in sorted({rule.destination for rule in rules} - set(destination_buckets)):
        yield Finding(
            bucket,
            "destination",
            Severity.WARNING,
            f"Arrivals in {name} are not told to the tracker, only found by asking S3 later.",
            "Deploy with it in destination_buckets, if it is in this Region and account.",
        )
