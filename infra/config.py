"""Settings of a deployment, from CDK context (`-c name=value` or the context of cdk.json)."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, Self

from constructs import Node

INVENTORY_BUCKETS = "InventoryBuckets"
"""Names them in the metadata of the template: they are in no function's environment."""

MAX_TRACKED_BUCKETS = 45
"""Keeps policies that name every bucket within IAM's limits, in every partition: `infra/limits.py`
measures them, and a test does so with this many of the longest names."""

MAX_BUCKET_NAMES_BYTES = 3_000
"""Both lists are environment variables, of which a function may have 4 KB in all."""

MAX_SHARDS = 64
"""A list is read from every shard of a route, so each shard costs one query for every list."""

MAX_CONCURRENCY = 1_000
"""The most Lambda allows for an SQS event source; the least is 2."""

MAX_ARCHIVE_DAYS = 400
"""The ledger drops a version 400 days after its deletion; replaying older events would bring it
back."""

MAX_PATTERNS_BYTES = 400
"""They are an environment variable as well."""

MAX_TOPICS_BYTES = 1_000
"""They stand in the ingest queue's policy as well, each once."""

MAX_RULES_BYTES = 200
"""They are an environment variable. Beside the longest lists of buckets fewer fit; `limits.py`
measures it, and synth refuses."""

MAX_OPERATORS_BYTES = 500
"""They stand in the ingest queue's policy, beside the buckets and the rules."""

_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|\*):(root|(role|user)/[\w+=,.@*/-]+)")
LEAST_WARM_WRITE_UNITS = 4_000
"""What a new on-demand table has. Over 40,000 the account's quota has to be raised first."""

LEAST_FORGET_DAYS = 30
"""Dead letters stay for 14 days, messages in the queue for four."""

MAX_COUNTER_SECONDS = 60
"""A recount waits two minutes for the stream, and takes one with a longer window to be behind."""

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]|[a-z]")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_REDRIVE_RULE = re.compile(rf"{_BUCKET.pattern}>{_BUCKET.pattern}:[A-Za-z0-9]{{1,100}}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")


def _misspelt(node: Node) -> list[str]:
    """Context names that are nearly one of ours. Names of CDK and of others are left alone."""
    found = []
    for name in node.get_all_context() or {}:
        if name in _PARSERS or ":" in name or name.startswith("@"):
            continue
        if near := get_close_matches(name, _PARSERS, n=1, cutoff=0.8):
            found.append(f"{name}: there is no such option; did you mean {near[0]}?")
    return found


class ContextError(ValueError):
    """Some context values are wrong. The message names all of them, each with its fix."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("Wrong CDK context:\n" + "\n".join(f"  - {line}" for line in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The checked context of one deployment.

    A bucket may be both source and destination (two buckets that replicate into each other).
    `inventory_buckets` contain S3 Inventory deliveries and Batch Replication reports to read.
    `record_concurrency` limits how many instances of the record function run at once; an account
    has 1,000 for all functions by default. `query_concurrency` reserves so many of them for the
    API, which then never uses more; 0 reserves none. `check_base_seconds` scales the ages at which
    PENDING versions are reconciled, and `audited` is the share of COMPLETED versions that is
    audited. `events_begin_seconds`: so long after a bucket is tracked its events count as
    incomplete; S3 takes some five minutes to begin after EventBridge is switched on.
    `objective_minutes` is the recovery point objective: a destination further behind raises an
    alarm. Incidents of keys that match one of `benign_keys` are recorded and send no message.
    `operators` are ARNs of roles and users (`*` is allowed) that may send to the ingest queue, for
    replays and redrives. `archive_days` is how long raw object events are kept for a replay; 0
    keeps none. `replication_topics`: SNS topics that get the `s3:Replication:*` events of source
    buckets already, by bucket. `warm_write_units` are the writes a second that the table takes from
    its first second on; an object takes 5 or 6, and 0 leaves it to DynamoDB. AWS charges for
    raising it, once. `object_events` is how object events reach the ingest queue: by `eventbridge`
    or by `s3` notifications. `forget_completed_days` after the last that was learnt of it, the item
    of a COMPLETED version expires; 0 keeps all. `counter_seconds` is how long changes of the ledger
    are gathered before they are counted. `redrive`: S3 Batch Operations may be asked to replicate
    again what failed; only the operators may ask. `redrive_rules` (`bucket>destination:code`) are
    asked for without anybody, once something arrived on the route again.
    """

    stage: str = "dev"
    source_buckets: tuple[str, ...] = ()
    destination_buckets: tuple[str, ...] = ()
    inventory_buckets: tuple[str, ...] = ()
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
    replication_topics: Mapping[str, str] = field(default_factory=dict)
    warm_write_units: int = 0
    object_events: str = "eventbridge"
    forget_completed_days: int = 0
    counter_seconds: int = 5
    redrive: bool = False
    redrive_rules: tuple[str, ...] = ()
    bundle_dependencies: bool = True

    @classmethod
    def from_context(cls, node: Node) -> Self:
        """Read and check every value.

        Raises:
            ContextError: one or more values are wrong.
        """
        problems: list[str] = []
        values: dict[str, Any] = {}
        for name, parse in _PARSERS.items():
            raw = node.try_get_context(name)
            if raw is None:
                continue
            try:
                values[name] = parse(raw)
            except ValueError as error:
                problems.append(f"{name}={raw!r}: {error}")
        problems += _misspelt(node)
        config = cls(**values)
        problems += config._excesses()
        if problems:
            raise ContextError(problems)
        return config

    @property
    def tracked_buckets(self) -> tuple[str, ...]:
        """Every bucket once, sorted by name."""
        return tuple(sorted({*self.source_buckets, *self.destination_buckets}))

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

    def _excesses(self) -> list[str]:
        problems = []
        if (count := len(self.tracked_buckets)) > MAX_TRACKED_BUCKETS:
            problems.append(
                f"source_buckets and destination_buckets: {count} buckets, but one tracker takes "
                f"{MAX_TRACKED_BUCKETS}; deploy a second one under another stage"
            )
        size = len(",".join((*self.source_buckets, *self.destination_buckets)))
        if size > MAX_BUCKET_NAMES_BYTES:
            problems.append(
                f"source_buckets and destination_buckets: {size} bytes of names, but a function's "
                f"environment has room for {MAX_BUCKET_NAMES_BYTES}; deploy a second tracker under "
                "another stage"
            )
        if 0 < self.forget_completed_days < self.kept_archive_days:
            problems.append(
                f"forget_completed_days: {self.forget_completed_days}, but archive_days is "
                f"{self.archive_days}; a replay of the archive would bring forgotten versions back,"
                " so keep versions at least as long as events"
            )
        problems += [
            f"replication_topics: {name!r} is not in source_buckets; name it there as well"
            for name in sorted({*self.replication_topics} - {*self.source_buckets})
        ]
        if self.redrive and not self.operators:
            problems.append(
                "redrive=true needs operators: jobs cost money, so name the roles and users who may"
                " start them"
            )
        if self.redrive_rules and not self.redrive:
            problems.append("redrive_rules need redrive=true")
        problems += [
            f"redrive_rules: {rule!r} is about a bucket that is not in source_buckets"
            for rule in self.redrive_rules
            if rule.partition(">")[0] not in self.source_buckets
        ]
        return problems


def _stage(raw: Any) -> str:
    if not isinstance(raw, str) or not _STAGE.fullmatch(raw):
        raise ValueError(
            "give 1 to 20 lower-case letters, digits and hyphens, starting with a letter and not "
            "ending with a hyphen"
        )
    return raw


def _whole(low: int, high: int) -> Callable[[Any], int]:
    def parse(raw: Any) -> int:
        text = str(raw).strip()
        if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def _forget_days(raw: Any) -> int:
    """Never, or late enough that no event of the version can still be on its way."""
    text = str(raw).strip()
    if not re.fullmatch(r"[0-9]{1,4}", text) or 0 < int(text) < LEAST_FORGET_DAYS:
        raise ValueError(f"give 0, or a whole number from {LEAST_FORGET_DAYS} to 9999")
    return int(text)


def _object_events(raw: Any) -> str:
    if raw not in ("eventbridge", "s3"):
        raise ValueError("give eventbridge or s3")
    return str(raw)


def _warm_units(raw: Any) -> int:
    """None, or more than DynamoDB gives without being asked; it takes no less."""
    text = str(raw).strip()
    if not re.fullmatch(r"[0-9]{1,6}", text) or 0 < int(text) < LEAST_WARM_WRITE_UNITS:
        raise ValueError(f"give 0, or a whole number from {LEAST_WARM_WRITE_UNITS} to 999999")
    return int(text)


def _number(low: float, high: float) -> Callable[[Any], float]:
    def parse(raw: Any) -> float:
        try:
            number = float(str(raw).strip())
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"give a number from {low:g} to {high:g}")
        return number

    return parse


def _flag(raw: Any) -> bool:
    match str(raw).strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError("give true or false")


def _patterns(raw: Any) -> tuple[str, ...]:
    """Key patterns such as `*.tflock,tmp/*`; a pattern cannot contain a comma."""
    if not isinstance(raw, str) or len(raw.encode()) > MAX_PATTERNS_BYTES:
        raise ValueError(
            f"give patterns of keys separated by commas, at most {MAX_PATTERNS_BYTES} bytes"
        )
    return tuple(name.strip() for name in raw.split(",") if name.strip())


def _redrive_rules(raw: Any) -> tuple[str, ...]:
    """`bucket>destination:code`, separated by commas."""
    rules = tuple(one.strip() for one in str(raw).split(",") if one.strip())
    wrong = [rule for rule in rules if not _REDRIVE_RULE.fullmatch(rule)]
    if wrong or len(",".join(rules)) > MAX_RULES_BYTES:
        raise ValueError(
            f"give bucket>destination:code, separated by commas, at most {MAX_RULES_BYTES} bytes"
        )
    return rules


def _operators(raw: Any) -> tuple[str, ...]:
    """ARNs of roles and users, separated by commas."""
    names = tuple(one.strip() for one in str(raw).split(",") if one.strip())
    wrong = [name for name in names if not _PRINCIPAL.fullmatch(name)]
    if wrong:
        raise ValueError(
            f"{', '.join(wrong)}: no ARN of a role or user, such as"
            " arn:aws:iam::ACCOUNT:role/operator"
        )
    if len(",".join(names)) > MAX_OPERATORS_BYTES:
        raise ValueError(f"give at most {MAX_OPERATORS_BYTES} bytes; a path with * may do for many")
    return names


def _topics(raw: Any) -> Mapping[str, str]:
    """`bucket=arn,bucket=arn`, or an object in cdk.json."""
    if isinstance(raw, str):
        pairs = [pair.strip().partition("=")[::2] for pair in raw.split(",") if pair.strip()]
    elif isinstance(raw, dict):
        pairs = list(raw.items())
    else:
        raise ValueError("give bucket=ARN of a topic, separated by commas")
    for bucket, topic in pairs:
        if not isinstance(topic, str) or not _TOPIC.fullmatch(topic):
            raise ValueError(f"{bucket}={topic}: give the ARN of a standard SNS topic")
    topics = dict(pairs)
    if len(topics) < len(pairs):
        raise ValueError("a bucket is named twice; S3 sends an event type to one topic only")
    if len("".join({*topics.values()})) > MAX_TOPICS_BYTES:
        raise ValueError(f"give at most {MAX_TOPICS_BYTES} bytes of different topics")
    return topics


def _buckets(raw: Any) -> tuple[str, ...]:
    """Comma-separated text, or a list in cdk.json."""
    if isinstance(raw, str):
        names = [name.strip() for name in raw.split(",")] if raw.strip() else []
    elif isinstance(raw, list) and all(isinstance(name, str) for name in raw):
        names = raw
    else:
        raise ValueError("give bucket names separated by commas")
    problems = [f"{name!r} {fault}" for name in names if (fault := _bucket_fault(name))]
    problems += [
        f"{name!r} is named twice; name it once"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(names)


def _bucket_fault(name: str) -> str | None:
    """Which of S3's naming rules for general purpose buckets a name breaks; None if none."""
    if name.startswith("arn:") or "://" in name:
        return "is no bucket name; give the bare name, not an ARN or a URL"
    if not 3 <= len(name) <= 63:
        return f"has {len(name)} characters; a bucket name has 3 to 63"
    if not _BUCKET.fullmatch(name):
        return (
            "is no bucket name; use lower-case letters, digits, hyphens and periods, with a letter "
            "or digit first and last"
        )
    if ".." in name:
        return "has two periods in a row; S3 allows no such name"
    if _is_ip_address(name):
        return "looks like an IP address; S3 allows no such name"
    if name.startswith(_RESERVED_PREFIXES) or name.endswith(_RESERVED_SUFFIXES):
        return "has a prefix or suffix S3 keeps for itself; name a general purpose bucket"
    return None


def _is_ip_address(name: str) -> bool:
    try:
        ipaddress.IPv4Address(name)
    except ValueError:
        return False
    return True


_PARSERS: Mapping[str, Callable[[Any], Any]] = {
    "stage": _stage,
    "source_buckets": _buckets,
    "destination_buckets": _buckets,
    "inventory_buckets": _buckets,
    "shards": _whole(1, MAX_SHARDS),
    "record_ineligible": _flag,
    "backfill_ineligible": _flag,
    "record_concurrency": _whole(2, MAX_CONCURRENCY),
    "query_concurrency": _whole(0, MAX_CONCURRENCY),
    "check_base_seconds": _number(0.1, 86_400),
    "events_begin_seconds": _number(0, 86_400),
    "audited": _number(0, 1),
    "objective_minutes": _number(1, 43_200),
    "benign_keys": _patterns,
    "archive_days": _whole(0, MAX_ARCHIVE_DAYS),
    "operators": _operators,
    "replication_topics": _topics,
    "warm_write_units": _warm_units,
    "object_events": _object_events,
    "forget_completed_days": _forget_days,
    "counter_seconds": _whole(1, MAX_COUNTER_SECONDS),
    "redrive": _flag,
    "redrive_rules": _redrive_rules,
    "bundle_dependencies": _flag,
}
"""Every value of the context: how it is read and checked. Defaults stand in `Config`."""
