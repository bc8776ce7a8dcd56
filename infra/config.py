"""Settings of a deployment, from a file (infra/topology.py) or from CDK context (`-c name=value` or
the context of cdk.json)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Self

from constructs import Node

from infra import topology
from infra.options import LISTS, OPTIONS
from infra.places import OWN, Place
from infra.regions import is_delivered
from infra.topology import TrackedBucket

INVENTORY_BUCKETS = "InventoryBuckets"
"""Names them in the metadata of the template."""

MAX_BUCKETS = 300
"""Keeps a role's policies, which name every bucket, within the ten that IAM attaches to it, in
every partition: `infra/limits.py` measures them, and a test does so with this many of the longest
names."""

MAX_TOPICS_BYTES = 1_000
"""They stand in the ingest queue's policy, each once."""

TOPOLOGY = "topology"
"""The context option that names the file; empty: no file, also where there is the usual one."""


class ContextError(ValueError):
    """Something is wrong in the configuration. The message has all of it, each with its fix."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Wrong configuration:\n" + "\n".join(f"  - {line}" for line in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The checked configuration of one deployment.

    `home` is where the tracker is; OWN is wherever it is deployed to, and then all buckets are
    there as well. `buckets` are sorted by name. `collectors` has the options of the collectors that
    have any, by place. `record_concurrency` limits how many instances of the record function run at
    once; an account has 1,000 for all functions by default. `query_concurrency` reserves so many of
    them for the API, which then never uses more; 0 reserves none. `check_base_seconds` scales the
    ages at which PENDING versions are reconciled, and `audited` is the share of COMPLETED versions
    that is audited. `objective_minutes` is the recovery point objective: a destination further
    behind raises an alarm. Incidents of keys that match one of `benign_keys` are recorded and send
    no message. `operators` are ARNs of roles and users (`*` is allowed) that may send to the ingest
    queue, for replays and redrives. `notify_emails` are subscribed to incidents, and `chat` makes a
    topic for Amazon Q Developer in chat applications. `archive_days` is how long raw object events
    are kept for a replay; 0 keeps none. `warm_write_units` are the writes a second that the table
    takes from its first second on; an object takes 5 or 6, and 0 leaves it to DynamoDB. AWS charges
    for raising it, once. `events_begin_seconds`: so long after a bucket is tracked its events count
    as incomplete; S3 takes some five minutes to begin after EventBridge is switched on.
    `object_events` is how object events reach the ingest queue: by `eventbridge` or by `s3`
    notifications. `forget_completed_days` after the last that was learnt of it, the item of a
    COMPLETED version expires; 0 keeps all. `counter_seconds` is how long changes of the ledger are
    gathered before they are counted. Changes to one of `event_statuses`, of source buckets in
    `event_buckets` (none: all), become events on an event bus; without statuses there is no bus.
    `redrive`: S3 Batch Operations may be asked to replicate again what failed; only the operators
    may ask. For buckets elsewhere their collector has the same option. `redrive_rules`
    (`bucket>destination:code`) are asked for without anybody, once something arrived on the route
    again.
    """

    stage: str = "dev"
    home: Place = OWN
    buckets: tuple[TrackedBucket, ...] = ()
    collectors: Mapping[Place, Mapping[str, Any]] = field(default_factory=dict)
    shards: int = 4
    record_ineligible: bool = True
    backfill_ineligible: bool = False
    record_concurrency: int = 20
    query_concurrency: int = 0
    check_base_seconds: float = 900
    events_begin_seconds: float = 600
    audited: float = 0.01
    objective_minutes: float = 60
    benign_keys: tuple[str, ...] = ()
    archive_days: int = 14
    operators: tuple[str, ...] = ()
    notify_emails: tuple[str, ...] = ()
    chat: bool = False
    warm_write_units: int = 0
    object_events: str = "eventbridge"
    forget_completed_days: int = 0
    counter_seconds: int = 5
    event_statuses: tuple[str, ...] = ()
    event_buckets: tuple[str, ...] = ()
    redrive: bool = False
    redrive_rules: tuple[str, ...] = ()
    bundle_dependencies: bool = True

    @classmethod
    def from_context(cls, node: Node, project: Path | None = None) -> Self:
        """Read and check every value. `project` is the folder whose `tracker.toml` is read, and
        against which the context option `topology` is resolved.

        Raises:
            ContextError: one or more values are wrong.
        """
        values, problems = _of_context(node)
        problems += _misspelt(node)
        lists = {name: values.pop(name) for name in LISTS if name in values}
        file, text, unreadable = _file(node, project)
        problems += unreadable
        if text is None:
            buckets, wrong = _of_lists(lists)
            values |= {"buckets": buckets}
        else:
            found = topology.read(text, file)
            wrong = found.problems + [
                f"{name} is given in the context as well as by {file}; keep one of them"
                for name in sorted(lists.keys() | (values.keys() & found.values.keys()))
            ]
            values |= found.values
        config = cls(**values)
        problems += wrong + config._excesses() + config._out_of_reach()
        if problems:
            raise ContextError(problems)
        return config

    @property
    def source_buckets(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.buckets if one.source)

    @property
    def destination_buckets(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.buckets if one.destination)

    @property
    def inventory_buckets(self) -> tuple[str, ...]:
        """With S3 Inventory deliveries and Batch Replication reports to read."""
        return tuple(one.name for one in self.buckets if one.inventory)

    @property
    def tracked_buckets(self) -> tuple[str, ...]:
        """Sources and destinations, sorted by name."""
        return tuple(one.name for one in self.buckets if one.is_tracked)

    @property
    def replication_topics(self) -> Mapping[str, str]:
        """SNS topics that get the `s3:Replication:*` events of source buckets already."""
        return {one.name: one.replication_topic for one in self.buckets if one.replication_topic}

    @property
    def foreign_places(self) -> tuple[Place, ...]:
        """Where buckets are, other than home: each needs a collector."""
        return tuple(sorted({one.place for one in self.buckets} - {self.home}))

    def at(self, place: Place) -> tuple[TrackedBucket, ...]:
        """The buckets of a place."""
        return tuple(one for one in self.buckets if one.place == place)

    def makes_jobs_at(self, place: Place) -> bool:
        """Whether redrives may make jobs there."""
        return self.redrive if place == self.home else bool(self._of(place).get("redrive"))

    def _of(self, place: Place) -> Mapping[str, Any]:
        return self.collectors.get(place, {})

    @property
    def by_eventbridge(self) -> bool:
        """Whether object events come by EventBridge; otherwise by S3 notifications."""
        return self.object_events == "eventbridge"

    @property
    def kept_archive_days(self) -> int:
        """How long raw object events are kept. Only EventBridge can archive them."""
        return self.archive_days if self.by_eventbridge else 0

    @property
    def stale_seconds(self) -> float:
        """PENDING for longer than this is stale: a day at the default ages. The functions have the
        same rule; a test compares the two."""
        return 96 * self.check_base_seconds

    @property
    def metrics_namespace(self) -> str:
        """The namespace of the metrics that the functions publish."""
        return f"S3ReplicationTracker/{self.stage}"

    @property
    def is_prod(self) -> bool:
        """Whether the ledger outlives the stack."""
        return self.stage == "prod"

    def _out_of_reach(self) -> list[str]:
        """Buckets whose events SNS would not bring home."""
        regions: dict[str, list[str]] = {}
        for bucket in self.buckets:
            region = bucket.place.region
            if bucket.is_tracked and region and not is_delivered(region, self.home):
                regions.setdefault(region, []).append(bucket.name)
        return [
            f"{', '.join(names)}: SNS delivers nothing from {region} to {self.home.region}, because"
            " accounts have to enable both Regions; put [home] into a Region that is enabled by"
            f" default, or leave them out and deploy a second tracker in {region}"
            for region, names in sorted(regions.items())
        ]

    def _excesses(self) -> list[str]:
        problems = []
        if (count := len(self.buckets)) > MAX_BUCKETS:
            problems.append(
                f"{count} buckets, but one tracker takes {MAX_BUCKETS}; deploy a second one under "
                "another stage"
            )
        topics = {*self.replication_topics.values()}
        if (size := len("".join(topics))) > MAX_TOPICS_BYTES:
            problems.append(
                f"{size} bytes of different topics that get replication events, but the ingest "
                f"queue's policy has room for {MAX_TOPICS_BYTES}; let buckets share a topic"
            )
        problems += [
            f"event_buckets: {name!r} is no source; name it as one as well"
            for name in sorted({*self.event_buckets} - {*self.source_buckets})
        ]
        if self.event_buckets and not self.event_statuses:
            problems.append("event_buckets: name event_statuses as well, such as COMPLETED,FAILED")
        if self.redrive and not self.operators:
            problems.append(
                "redrive=true needs operators: jobs cost money, so name the roles and users who may"
                " start them"
            )
        if self.redrive_rules and not self.redrive:
            problems.append("redrive_rules need redrive=true")
        problems += [
            f'collectors."{place}".redrive needs redrive = true at the top of the file'
            for place in self.foreign_places
            if self.makes_jobs_at(place) and not self.redrive
        ]
        problems += [
            f"redrive_rules: {rule!r} is about a bucket that is no source where redrive is true"
            for rule in self.redrive_rules
            if rule.partition(">")[0]
            not in {
                one.name for one in self.buckets if one.source and self.makes_jobs_at(one.place)
            }
        ]
        if 0 < self.forget_completed_days < self.kept_archive_days:
            problems.append(
                f"forget_completed_days: {self.forget_completed_days}, but archive_days is "
                f"{self.archive_days}; a replay of the archive would bring forgotten versions back,"
                " so keep versions at least as long as events"
            )
        return problems


def _misspelt(node: Node) -> list[str]:
    """Context names that are nearly one of ours. Names of CDK and of others are left alone."""
    ours = (*OPTIONS, *LISTS, TOPOLOGY)
    found = []
    for name in node.get_all_context() or {}:
        if name in ours or ":" in name or name.startswith("@"):
            continue
        if near := get_close_matches(name, ours, n=1, cutoff=0.8):
            found.append(f"{name}: there is no such option; did you mean {near[0]}?")
    return found


def _of_context(node: Node) -> tuple[dict[str, Any], list[str]]:
    """Every value of the context that is right, and what is wrong with the others."""
    values: dict[str, Any] = {}
    problems = []
    for name, parse in {**LISTS, **OPTIONS}.items():
        raw = node.try_get_context(name)
        if raw is None:
            continue
        try:
            values[name] = parse(raw)
        except ValueError as error:
            problems.append(f"{name}={raw!r}: {error}")
    return values, problems


def _file(node: Node, project: Path | None) -> tuple[str, str | None, list[str]]:
    """Name and text of the file; None where the lists of the context count."""
    named = node.try_get_context(TOPOLOGY)
    if named == "" or (named is None and project is None):
        return "", None, []
    path = (project or Path()) / str(named or topology.FILE)
    try:
        return path.name, path.read_text(), []
    except FileNotFoundError:
        missing = [f"topology={named!r}: there is no such file"] if named else []
        return path.name, None, missing
    except (OSError, UnicodeDecodeError) as error:
        return path.name, None, [f"{path.name} cannot be read: {error}"]


def _of_lists(lists: Mapping[str, Any]) -> tuple[tuple[TrackedBucket, ...], list[str]]:
    sources, destinations, inventories = (
        lists.get(name, ())
        for name in ("source_buckets", "destination_buckets", "inventory_buckets")
    )
    topics = lists.get("replication_topics", {})
    buckets = tuple(
        TrackedBucket(
            name=name,
            source=name in sources,
            destination=name in destinations,
            inventory=name in inventories,
            replication_topic=topics.get(name),
        )
        for name in sorted({*sources, *destinations, *inventories})
    )
    return buckets, [
        f"replication_topics: {name!r} is not in source_buckets; name it there as well"
        for name in sorted({*topics} - {*sources})
    ]
