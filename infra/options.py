"""How each option is read and checked, whether it comes from the context or from the file.

Each function takes a raw value (text of the command line, or typed from cdk.json or TOML) and
returns the checked one; ValueError says what to give instead.
"""

import ipaddress
import re
from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import UnknownRegionError

from infra.places import partition_of

MAX_SHARDS = 64
"""A list is read from every shard of a route, so each shard costs one query for every list."""

MAX_CONCURRENCY = 1_000
"""The most Lambda allows for an SQS event source; the least is 2."""

MAX_ARCHIVE_DAYS = 400
"""The ledger drops a version 400 days after its deletion; replaying older events would bring it
back."""

MAX_PATTERNS_BYTES = 400
"""They are an environment variable as well."""

MAX_RULES_BYTES = 400
"""They are an environment variable."""

MAX_OPERATORS_BYTES = 500
"""They stand in the ingest queue's policy, beside the buckets and the rules."""

MAX_EMAILS = 20
"""Each is a subscription, and each gets every message."""

MAX_EMAILS_BYTES = 1_000
"""They are an environment variable as well."""

EVENT_STATUSES = ("PENDING", "COMPLETED", "FAILED", "NONE")
"""NONE: a version whose status is not known, or that no rule replicates any more."""

MAX_EVENT_BUCKETS_BYTES = 1_000
"""They are an environment variable as well."""

LEAST_FORGET_DAYS = 30
"""Dead letters stay for 14 days, messages in the queue for four."""

MAX_COUNTER_SECONDS = 60
"""A recount waits two minutes for the stream, and takes one with a longer window to be behind."""

LEAST_WARM_WRITE_UNITS = 4_000
"""What a new on-demand table has. Over 40,000 the account's quota has to be raised first."""

_STAGE = re.compile(r"[a-z][a-z0-9-]{0,18}[a-z0-9]|[a-z]")
_PRINCIPAL = re.compile(r"arn:aws[a-z-]*:iam::(\d{12}|\*):(root|(role|user)/[\w+=,.@*/-]+)")
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_TOPIC = re.compile(r"arn:aws[a-z-]*:sns:[a-z0-9-]+:[0-9]{12}:[A-Za-z0-9_-]{1,256}")
_EMAIL = re.compile(
    r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}"
)
_REDRIVE_RULE = re.compile(rf"{_BUCKET.pattern}>{_BUCKET.pattern}:[A-Za-z0-9]{{1,100}}")
_ACCOUNT = re.compile(r"[0-9]{12}")
_RESERVED_PREFIXES = ("xn--", "sthree-", "amzn-s3-demo-")
_RESERVED_SUFFIXES = ("-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3")

Parse = Callable[[Any], Any]


def stage(raw: Any) -> str:
    if not isinstance(raw, str) or not _STAGE.fullmatch(raw):
        raise ValueError(
            "give 1 to 20 lower-case letters, digits and hyphens, starting with a letter and not "
            "ending with a hyphen"
        )
    return raw


def whole(low: int, high: int) -> Parse:
    def parse(raw: Any) -> int:
        text = str(raw).strip()
        if not re.fullmatch(r"[0-9]{1,4}", text) or not low <= int(text) <= high:
            raise ValueError(f"give a whole number from {low} to {high}")
        return int(text)

    return parse


def forget_days(raw: Any) -> int:
    """Never, or late enough that no event of the version can still be on its way."""
    text = str(raw).strip()
    if not re.fullmatch(r"[0-9]{1,4}", text) or 0 < int(text) < LEAST_FORGET_DAYS:
        raise ValueError(f"give 0, or a whole number from {LEAST_FORGET_DAYS} to 9999")
    return int(text)


def object_events(raw: Any) -> str:
    if raw not in ("eventbridge", "s3"):
        raise ValueError("give eventbridge or s3")
    return str(raw)


def warm_units(raw: Any) -> int:
    """None, or more than DynamoDB gives without being asked; it takes no less."""
    text = str(raw).strip()
    if not re.fullmatch(r"[0-9]{1,6}", text) or 0 < int(text) < LEAST_WARM_WRITE_UNITS:
        raise ValueError(f"give 0, or a whole number from {LEAST_WARM_WRITE_UNITS} to 999999")
    return int(text)


def number(low: float, high: float) -> Parse:
    def parse(raw: Any) -> float:
        try:
            number = float(str(raw).strip())
        except ValueError:
            number = float("nan")
        if not low <= number <= high:
            raise ValueError(f"give a number from {low:g} to {high:g}")
        return number

    return parse


def flag(raw: Any) -> bool:
    match str(raw).strip().lower():
        case "true":
            return True
        case "false":
            return False
        case _:
            raise ValueError("give true or false")


def patterns(raw: Any) -> tuple[str, ...]:
    """Key patterns such as `*.tflock,tmp/*`; a pattern cannot contain a comma."""
    names = _texts(raw)
    if names is None or len(",".join(names).encode()) > MAX_PATTERNS_BYTES:
        raise ValueError(
            f"give patterns of keys separated by commas, at most {MAX_PATTERNS_BYTES} bytes"
        )
    return names


def redrive_rules(raw: Any) -> tuple[str, ...]:
    """`bucket>destination:code`, separated by commas."""
    rules = _texts(raw) or ()
    wrong = [rule for rule in rules if not _REDRIVE_RULE.fullmatch(rule)]
    if wrong or (raw and not rules) or len(",".join(rules)) > MAX_RULES_BYTES:
        raise ValueError(
            f"give bucket>destination:code, separated by commas, at most {MAX_RULES_BYTES} bytes"
        )
    return rules


def event_statuses(raw: Any) -> tuple[str, ...]:
    """Statuses separated by commas, in any order."""
    given = _texts(raw)
    names = {one.upper() for one in ((str(raw),) if given is None else given)}
    if wrong := sorted(names - {*EVENT_STATUSES}):
        raise ValueError(f"{', '.join(wrong)}: give some of {', '.join(EVENT_STATUSES)}")
    return tuple(name for name in EVENT_STATUSES if name in names)


def event_buckets(raw: Any) -> tuple[str, ...]:
    names = bucket_names(raw)
    if len(",".join(names)) > MAX_EVENT_BUCKETS_BYTES:
        raise ValueError(f"give at most {MAX_EVENT_BUCKETS_BYTES} bytes of names, or none for all")
    return names


def operators(raw: Any) -> tuple[str, ...]:
    """ARNs of roles and users, separated by commas."""
    names = _texts(raw)
    wrong = [str(raw)] if names is None else [one for one in names if not _PRINCIPAL.fullmatch(one)]
    if names is None or wrong:
        raise ValueError(
            f"{', '.join(wrong)}: no ARN of a role or user, such as"
            " arn:aws:iam::ACCOUNT:role/operator"
        )
    if len(",".join(names)) > MAX_OPERATORS_BYTES:
        raise ValueError(f"give at most {MAX_OPERATORS_BYTES} bytes; a path with * may do for many")
    return names


def account(raw: Any) -> str:
    """Text, because a number would lose its leading zeros."""
    if not isinstance(raw, str) or not _ACCOUNT.fullmatch(raw):
        raise ValueError("give the 12 digits of an account, in quotes")
    return raw


def region(raw: Any) -> str:
    try:
        partition_of(raw if isinstance(raw, str) else "")
    except UnknownRegionError as error:
        raise ValueError("give the name of a Region, such as eu-central-1") from error
    return str(raw)


def topic(raw: Any) -> str:
    if not isinstance(raw, str) or not _TOPIC.fullmatch(raw):
        raise ValueError("give the ARN of a standard SNS topic")
    return raw


def topics(raw: Any) -> Mapping[str, str]:
    """`bucket=arn,bucket=arn`, or an object in cdk.json."""
    if isinstance(raw, str):
        pairs = [pair.strip().partition("=")[::2] for pair in raw.split(",") if pair.strip()]
    elif isinstance(raw, dict):
        pairs = list(raw.items())
    else:
        raise ValueError("give bucket=ARN of a topic, separated by commas")
    for bucket, arn in pairs:
        try:
            topic(arn)
        except ValueError as error:
            raise ValueError(f"{bucket}={arn}: {error}") from error
    if len(dict(pairs)) < len(pairs):
        raise ValueError("a bucket is named twice; S3 sends an event type to one topic only")
    return dict(pairs)


def bucket_names(raw: Any) -> tuple[str, ...]:
    """Comma-separated text, or a list in cdk.json."""
    if isinstance(raw, str):
        names = [name.strip() for name in raw.split(",")] if raw.strip() else []
    elif isinstance(raw, list) and all(isinstance(name, str) for name in raw):
        names = raw
    else:
        raise ValueError("give bucket names separated by commas")
    problems = [f"{name!r} {fault}" for name in names if (fault := bucket_fault(name))]
    problems += [
        f"{name!r} is named twice; name it once"
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if problems:
        raise ValueError("; ".join(problems))
    return tuple(names)


def bucket_fault(name: str) -> str | None:
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


def _texts(raw: Any) -> tuple[str, ...] | None:
    """Of text with commas, or of a list of texts without any; None for anything else."""
    if isinstance(raw, str):
        return tuple(one.strip() for one in raw.split(",") if one.strip())
    if isinstance(raw, list) and all(isinstance(one, str) and "," not in one for one in raw):
        return tuple(raw)
    return None


def emails(raw: Any) -> tuple[str, ...]:
    """Addresses, separated by commas."""
    names = _texts(raw)
    wrong = [str(raw)] if names is None else [one for one in names if not _is_email(one)]
    if names is None or wrong:
        raise ValueError(f"{', '.join(wrong)}: no e-mail address, such as team@example.com")
    if len({one.casefold() for one in names}) < len(names):
        raise ValueError("an address is named twice; name it once")
    if len(names) > MAX_EMAILS or len(",".join(names)) > MAX_EMAILS_BYTES:
        raise ValueError(
            f"give at most {MAX_EMAILS} addresses of {MAX_EMAILS_BYTES} bytes in all; for more,"
            " use the address of a mailing list"
        )
    return names


def _is_email(text: str) -> bool:
    return len(text) <= 254 and _EMAIL.fullmatch(text) is not None


OPTIONS: Mapping[str, Parse] = {
    "stage": stage,
    "shards": whole(1, MAX_SHARDS),
    "record_ineligible": flag,
    "backfill_ineligible": flag,
    "record_concurrency": whole(2, MAX_CONCURRENCY),
    "query_concurrency": whole(0, MAX_CONCURRENCY),
    "check_base_seconds": number(0.1, 86_400),
    "events_begin_seconds": number(0, 86_400),
    "audited": number(0, 1),
    "objective_minutes": number(1, 43_200),
    "benign_keys": patterns,
    "archive_days": whole(0, MAX_ARCHIVE_DAYS),
    "operators": operators,
    "notify_emails": emails,
    "chat": flag,
    "warm_write_units": warm_units,
    "object_events": object_events,
    "forget_completed_days": forget_days,
    "counter_seconds": whole(1, MAX_COUNTER_SECONDS),
    "event_statuses": event_statuses,
    "event_buckets": event_buckets,
    "redrive": flag,
    "redrive_rules": redrive_rules,
    "bundle_dependencies": flag,
}
"""Every option, in the context and at the top level of the file. Defaults stand in `Config`."""

LISTS: Mapping[str, Parse] = {
    "source_buckets": bucket_names,
    "destination_buckets": bucket_names,
    "inventory_buckets": bucket_names,
    "replication_topics": topics,
}
"""The buckets, in the context alone; the file has a table for each bucket."""
