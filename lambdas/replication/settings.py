"""Settings of the functions, read from environment variables at start-up."""

from collections.abc import Mapping
from dataclasses import dataclass

from replication.topology import Place, Topology


class MissingSettings(Exception):
    """Some environment variables are missing or wrong; the message names each of them."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of all functions; an empty value is one that this function does not need."""

    table_name: str
    topology: Topology
    shards: int
    """Into how many index partitions the items of one route are spread."""
    record_ineligible: bool
    """Whether versions that no rule replicates are recorded as well."""
    check_base_seconds: float
    """Age at which a PENDING version is reconciled first; later ages are multiples of it."""
    events_begin_seconds: float
    """How long after a bucket is read first S3 surely sends its events to EventBridge."""
    audited: float
    """Share (0 to 1) of the COMPLETED versions to audit."""
    dead_letter_queue_url: str
    reconcile_queue_url: str
    failure_topic_arn: str
    backfill_queue_url: str = ""
    backfill_ineligible: bool = False
    """Whether a backfill records versions that no rule replicates."""
    incident_topic_arn: str = ""
    benign_keys: tuple[str, ...] = ()
    """Patterns (`*.tflock`) of keys whose failures are recorded and not announced."""
    ingest_queue_arn: str = ""
    notify_emails: tuple[str, ...] = ()
    """Addresses that the deployment subscribes to the incident topic."""
    chat_topic_arn: str = ""
    """Empty where there is no chat."""
    stage: str = "dev"
    """With the Region, how the command finds this tracker."""
    dashboard_url: str = ""
    object_events: str = "eventbridge"
    """How object events arrive: by `eventbridge`, or by `s3` notifications."""
    forget_completed_days: int = 0
    """How long the item of a COMPLETED version stays after the last that was learnt of it; 0: for
    ever."""
    object_event_rules: tuple[str, ...] = ()
    """Names of the EventBridge rules that send object events to the ingest queue."""
    redrive_queue_url: str = ""
    """Empty: the stack was deployed without redrives."""
    redrive_bucket: str = ""
    """The bucket of manifests and reports."""
    redrive_rules: tuple[str, ...] = ()
    """`bucket>destination:code`: what is redriven by itself."""
    redrive_role_arn: str = ""
    """The role that S3 Batch Operations takes."""

    @property
    def source_buckets(self) -> tuple[str, ...]:
        return self.topology.sources

    @property
    def destination_buckets(self) -> tuple[str, ...]:
        return self.topology.destinations

    @property
    def tracked(self) -> frozenset[str]:
        """Source and destination buckets."""
        return frozenset(self.source_buckets) | frozenset(self.destination_buckets)


def from_env(environment: Mapping[str, str], *required: str) -> Settings:
    """Settings of one function. `required` names the variables it needs beside `TABLE_NAME` and
    `TOPOLOGY_FILE`. Raises MissingSettings."""
    wrong = [
        f"{name} is not set"
        for name in ("TABLE_NAME", "TOPOLOGY_FILE", *required)
        if name not in environment
    ]
    shards = environment.get("SHARDS", "4")
    if not shards.isdecimal() or not 1 <= int(shards) <= 64:
        wrong.append(f"SHARDS is {shards!r}, not a whole number from 1 to 64")
    base, audited = environment.get("CHECK_BASE_SECONDS", "900"), environment.get("AUDITED", "0.01")
    if not _between(base, 0.1, 86_400):
        wrong.append(f"CHECK_BASE_SECONDS is {base!r}, not a number of seconds from 0.1 to 86400")
    forget = environment.get("FORGET_COMPLETED_DAYS", "0")
    if not forget.isdecimal() or 0 < int(forget) < 30:
        wrong.append(f"FORGET_COMPLETED_DAYS is {forget!r}, neither 0 nor a number of days from 30")
    begin = environment.get("EVENTS_BEGIN_SECONDS", "600")
    if not _between(begin, 0, 86_400):
        wrong.append(f"EVENTS_BEGIN_SECONDS is {begin!r}, not a number of seconds from 0 to 86400")
    if not _between(audited, 0, 1):
        wrong.append(f"AUDITED is {audited!r}, not a share from 0 to 1")
    topology = Topology()
    try:
        topology = Topology.load(environment.get("TOPOLOGY_FILE", ""), _home(environment))
    except (OSError, ValueError) as error:
        if "TOPOLOGY_FILE" in environment:
            wrong.append(f"TOPOLOGY_FILE is {environment['TOPOLOGY_FILE']!r}: {error}")
    if wrong:
        raise MissingSettings("; ".join(wrong))
    return Settings(
        table_name=environment["TABLE_NAME"],
        topology=topology,
        shards=int(shards),
        record_ineligible=environment.get("RECORD_INELIGIBLE", "true") == "true",
        check_base_seconds=float(base),
        events_begin_seconds=float(begin),
        audited=float(audited),
        reconcile_queue_url=environment.get("RECONCILE_QUEUE_URL", ""),
        dead_letter_queue_url=environment.get("INGEST_DEAD_LETTER_QUEUE_URL", ""),
        failure_topic_arn=environment.get("FAILURE_TOPIC_ARN", ""),
        backfill_queue_url=environment.get("BACKFILL_QUEUE_URL", ""),
        backfill_ineligible=environment.get("BACKFILL_INELIGIBLE", "false") == "true",
        incident_topic_arn=environment.get("INCIDENT_TOPIC_ARN", ""),
        benign_keys=_names(environment.get("BENIGN_KEYS", "")),
        ingest_queue_arn=environment.get("INGEST_QUEUE_ARN", ""),
        notify_emails=_names(environment.get("NOTIFY_EMAILS", "")),
        chat_topic_arn=environment.get("CHAT_TOPIC_ARN", ""),
        stage=environment.get("STAGE", "dev"),
        dashboard_url=environment.get("DASHBOARD_URL", ""),
        object_events=environment.get("OBJECT_EVENTS", "eventbridge"),
        forget_completed_days=int(forget),
        object_event_rules=_names(environment.get("OBJECT_EVENT_RULES", "")),
        redrive_queue_url=environment.get("REDRIVE_QUEUE_URL", ""),
        redrive_bucket=environment.get("REDRIVE_BUCKET", ""),
        redrive_rules=_names(environment.get("REDRIVE_RULES", "")),
        redrive_role_arn=environment.get("REDRIVE_ROLE_ARN", ""),
    )


def _home(environment: Mapping[str, str]) -> Place:
    """Lambda itself sets AWS_REGION."""
    return Place(environment.get("HOME_ACCOUNT") or None, environment.get("AWS_REGION") or None)


@dataclass(frozen=True, slots=True)
class EventSettings:
    """Which changes of status become events."""

    queue_url: str
    """Of the publisher."""
    statuses: frozenset[str]
    buckets: frozenset[str]
    """Source buckets; none: all."""


def event_settings(environment: Mapping[str, str]) -> EventSettings | None:
    """None: no events are published."""
    if "EVENT_QUEUE_URL" not in environment:
        return None
    return EventSettings(
        environment["EVENT_QUEUE_URL"],
        frozenset(_names(environment.get("EVENT_STATUSES", ""))),
        frozenset(_names(environment.get("EVENT_BUCKETS", ""))),
    )


def event_bus_name(environment: Mapping[str, str]) -> str:
    """The bus of the publisher. Raises MissingSettings."""
    try:
        return environment["EVENT_BUS_NAME"]
    except KeyError:
        raise MissingSettings("EVENT_BUS_NAME is not set") from None


def _between(text: str, low: float, high: float) -> bool:
    try:
        return low <= float(text) <= high
    except ValueError:
        return False


def _names(listed: str) -> tuple[str, ...]:
    return tuple(sorted({name.strip() for name in listed.split(",") if name.strip()}))
