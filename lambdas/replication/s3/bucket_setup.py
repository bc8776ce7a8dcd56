"""What of a bucket's set-up keeps the tracker from seeing its replication, and how to mend it."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from replication.errors import ASSUME_ROLE, HIDDEN_ACTION, Denied
from replication.s3.rule_history import RuleHistory
from replication.times import Instant
from replication.topology import Place, Topology


class Severity(StrEnum):
    """`error`: something cannot be known; `warning`: it is known late or at a higher cost."""

    ERROR = "error"
    """The tracker misses something."""
    WARNING = "warning"
    """The tracker learns something late, or at a higher cost."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to mend, on one bucket or (None) on the tracker itself."""

    bucket: str | None
    check: str
    """A short code of what is wrong: `metrics`, `versioning`, `access` and so on."""
    severity: Severity
    finding: str
    """What is wrong, for a person."""
    fix: str
    """What to do about it, for a person."""
    observed_at: Instant | None = None
    """When S3 said so; None for what follows from the recorded rules."""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Setup:
    """How a bucket is set up, as S3 answers it."""

    versioning: str | None
    """`Enabled` or `Suspended`; None: never enabled."""
    eventbridge: bool
    """Whether the bucket sends its events to EventBridge."""
    replication_events: bool
    """Whether its `s3:Replication:*` notifications go to the ingest queue."""
    kms: bool
    """Whether SSE-KMS is its default encryption."""
    routed: bool | None = None
    """Whether a rule of EventBridge sends its events to the ingest queue; None: not known."""
    object_notifications: bool | None = None
    """Whether its object events go to the ingest queue as notifications; None: they are to come by
    EventBridge."""
    region: str | None = None
    """Where the bucket is; None when S3 did not say."""

    def is_elsewhere(self, place: Place) -> bool:
        """Whether it is in another Region than `place`, where the rules for its events are."""
        return None not in (self.region, place.region) and self.region != place.region

    @property
    def sends_events(self) -> bool:
        """Whether its object events reach the tracker, as far as is known."""
        if self.object_notifications is not None:
            return self.object_notifications
        return self.eventbridge and self.routed is not False


Setups = Mapping[str, tuple[Setup, Instant]]
"""Set-up by bucket, with the time it was read."""


def findings(
    histories: Mapping[str, RuleHistory | None],
    topology: Topology,
    denied: Sequence[tuple[Denied, Instant]],
    setups: Setups,
    silent: Mapping[tuple[str, str], int] = MappingProxyType({}),
    others: Sequence[Finding] = (),
) -> list[Finding]:
    """Findings by bucket, errors first.

    histories   every source bucket; None where its configuration was never read
    topology    the buckets that the tracker was deployed with
    denied      calls that S3 refused lately, with their time
    setups      set-up of the buckets that could be inspected
    silent      routes (source, destination) on which replicas arrive and no event reports it, with
                the number of such replicas
    others      findings that do not follow from how buckets are set up
    """
    found = [*others]
    found += [
        finding
        for bucket, history in histories.items()
        for finding in _of_source(bucket, history, topology.destinations)
    ]
    found += [_of_refusal(error, at) for error, at in denied]
    found += [_of_silence(*route, number) for route, number in silent.items()]
    for bucket, (setup, at) in setups.items():
        found += _of_place(bucket, setup, topology, at)
        if bucket in histories:
            found += _of_sources_setup(bucket, setup, histories[bucket], at)
        elif bucket in topology.destinations:
            found += _of_setup(
                bucket, setup, Severity.WARNING, "arrivals are only found by asking", at
            )
    return sorted(found, key=lambda one: (one.bucket or "", one.severity, one.check, one.finding))


def _of_refusal(error: Denied, at: Instant) -> Finding:
    if error.action == HIDDEN_ACTION:
        return Finding(
            error.bucket,
            "encryption",
            Severity.WARNING,
            "Objects encrypted with customer-provided keys (SSE-C) show their replication status to"
            " nobody without the key: of them events and arrivals are known, and no more.",
            "Turn replication metrics on for their rule, so that S3 reports failures; or encrypt"
            " with SSE-S3 or SSE-KMS.",
            at,
        )
    if error.action == ASSUME_ROLE:
        return Finding(
            error.bucket,
            "access",
            Severity.ERROR,
            "The role that reads this bucket's place cannot be assumed.",
            "Deploy the collector of the bucket's Region and account, of the same stage and home.",
            at,
        )
    return Finding(
        error.bucket,
        "access",
        Severity.ERROR,
        f"S3 denies {error.action}, so the tracker cannot see what that would tell.",
        f"Allow {error.action} to the tracker's functions in the bucket's policy, and"
        " kms:Decrypt on its key if it is encrypted with one.",
        at,
    )


def _of_place(bucket: str, setup: Setup, topology: Topology, at: Instant) -> Iterator[Finding]:
    place = topology.place(bucket)
    if setup.is_elsewhere(place):
        yield Finding(
            bucket,
            "region",
            Severity.ERROR,
            f"The bucket is in {setup.region}, but the tracker was deployed with it in"
            f" {place.region}: none of its events arrive.",
            f'Deploy with region = "{setup.region}" in the bucket\'s table of tracker.toml.',
            at,
        )


def _of_silence(source: str, destination: str, replicas: int) -> Finding:
    return Finding(
        destination,
        "events",
        Severity.ERROR,
        f"No event of this bucket reported the last {replicas} replicas from {source}; HEAD found"
        " them. Its events do not reach the tracker, so arrivals are known late and without a"
        " latency, and losses of replicas are not known.",
        "Switch Amazon EventBridge on in the bucket's event notifications. If it is on, see that"
        " the tracker's EventBridge rule is enabled and names the bucket. The finding ends with the"
        " next arrival that is reported.",
    )


def _of_source(
    bucket: str, history: RuleHistory | None, destination_buckets: Collection[str]
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
            Severity.ERROR,
            f"No event of {name} reaches the tracker: arrivals there are found by HEAD alone, after"
            " minutes or an hour, and losses not at all.",
            "Deploy with it as a destination, in tracker.toml with its Region and account.",
        )


def _of_setup(
    bucket: str, setup: Setup, without_events: Severity, consequence: str, at: Instant
) -> Iterator[Finding]:
    """Findings for a source or a destination. `without_events`: how bad it is that none come."""
    if setup.versioning != "Enabled":
        state = "suspended" if setup.versioning else "not on"
        yield Finding(
            bucket,
            "versioning",
            Severity.ERROR,
            f"Versioning is {state}, and S3 replicates versioned objects alone.",
            "Enable versioning on the bucket.",
            at,
        )
    if setup.object_notifications is False:
        yield Finding(
            bucket,
            "object-events",
            without_events,
            f"Its object events do not all reach the tracker as notifications, so {consequence}.",
            "Send the bucket's object events to the ingest queue again; or deploy once without it"
            " and once with it, which keeps what others configured.",
            at,
        )
    if setup.object_notifications is None and not setup.eventbridge:
        yield Finding(
            bucket,
            "eventbridge",
            without_events,
            f"The bucket sends no events to EventBridge, so {consequence}.",
            "Switch Amazon EventBridge on in the bucket's event notifications.",
            at,
        )
    if setup.routed is False:
        yield Finding(
            bucket,
            "event-rule",
            without_events,
            f"No EventBridge rule sends the bucket's events to the tracker, so {consequence}."
            " Somebody has disabled, changed or deleted the tracker's rule.",
            "Enable the rule in EventBridge. If it was changed or deleted, deploy once without the"
            " bucket and once with it. Then `s3rt replay-archive` brings back what was missed.",
            at,
        )


def _of_sources_setup(
    bucket: str, setup: Setup, history: RuleHistory | None, at: Instant
) -> Iterator[Finding]:
    nobody = "nobody tells of new, changed or deleted objects"
    yield from _of_setup(bucket, setup, Severity.ERROR, nobody, at)
    if not setup.replication_events:
        yield Finding(
            bucket,
            "notifications",
            Severity.ERROR,
            "Its s3:Replication:* notifications do not reach the tracker, so failures are found by"
            " asking alone, late and without their reason. Somebody has replaced them.",
            "Send the bucket's four s3:Replication events to the ingest queue again; or deploy once"
            " without it in source_buckets and once with it, which keeps what others configured.",
            at,
        )
    rules = [rule for rule in history.current.rules if rule.enabled] if history else []
    for rule in rules if setup.kms else ():
        if not rule.kms:
            yield Finding(
                bucket,
                "kms",
                Severity.WARNING,
                f"New objects are encrypted with SSE-KMS, which rule {rule.id} does not replicate.",
                "Enable SseKmsEncryptedObjects in the rule's SourceSelectionCriteria, name the key"
                " in Destination.EncryptionConfiguration, and allow the role to use both keys.",
                at,
            )
