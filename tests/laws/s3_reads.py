"""What S3 in memory holds, and what it answers to whoever asks: not always, and not always at once.

A policy may deny a bucket's HEADs, tags or configuration; an object may be encrypted with a key
that only its owner has; S3 may be busy; and a read of the configuration soon after it was put may
return the one before.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from replication.errors import Denied, Unavailable
from replication.head.port import Head
from replication.s3.version import ObjectVersion
from replication.times import Instant, from_datetime
from tests.laws.s3_rules import SOURCE, Rule, configuration

EPOCH = datetime(2026, 11, 22, 10, tzinfo=UTC)
HEAD, TAGS, CONFIGURATION = "head", "tags", "configuration"
ACTIONS = (HEAD, TAGS, CONFIGURATION)
_NAMES = {HEAD: "s3:GetObjectVersion", TAGS: "s3:GetObjectVersionTagging"}
BUSY_OF = 3


@dataclass
class Version:
    """What a bucket holds. `places`: the status at each destination it was accepted for. `hidden`:
    only its owner has the key. `met` numbers the configuration that it met."""

    written_at: Instant
    tags: dict[str, str] = field(default_factory=dict)
    marker: bool = False
    replica: bool = False
    hidden: bool = False
    retention: str = ""
    met: int = 0
    by_tags: set[str] = field(default_factory=set)
    """Destinations that only its tags took it to."""
    retagged: bool = False
    """Its tags do not say any more where it went."""
    places: dict[str, str] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    """Destinations whose replica is older than the tags or the retention."""


@dataclass(frozen=True)
class Moment:
    """How a version fared from `at` on: at each destination, and by its header."""

    at: Instant
    places: Mapping[str, str]
    header: str | None


@dataclass
class S3Reads:
    """`ports.Objects`, and the reads of a bucket that the tracker makes."""

    rules: list[Rule] = field(default_factory=lambda: [Rule("dst-a"), Rule("dst-b", "both/")])
    rules_elsewhere: dict[str, list[Rule]] = field(default_factory=dict)
    failure_shows_at_once: bool = True
    held: dict[ObjectVersion, Version] = field(default_factory=dict)
    denied: frozenset[tuple[str, str]] = frozenset()
    """Pairs of bucket and action."""
    busy: int | None = None
    """Which third of the versions S3 does not answer for now."""
    milliseconds: int = 0
    number: int = 0
    # A configuration that was replaced, and until when reads may still return it.
    before: dict[str, Any] = field(default_factory=dict)
    stale_until: int = 0
    flickers: bool = False
    """Of the reads that may be stale, every other one is not."""
    configuration_number: int = 0
    shown: set[int] = field(default_factory=set)
    """Numbers of the configurations of the source that a read has returned."""
    reads: Counter[str] = field(default_factory=Counter)
    moments: dict[ObjectVersion, list[Moment]] = field(default_factory=dict)
    """How each version of a source fared."""

    def now(self) -> Instant:
        return from_datetime(EPOCH + timedelta(milliseconds=self.milliseconds))

    def pass_time(self, milliseconds: int) -> None:
        self.milliseconds += milliseconds

    def rules_of(self, bucket: str) -> Sequence[Rule]:
        return self.rules if bucket == SOURCE else self.rules_elsewhere.get(bucket, ())

    def head(self, version: ObjectVersion) -> Head | None:
        found = self.held.get(version)
        if found and found.marker:
            self._answer(version)  # a marker's 405 is for everybody
            return Head(None, delete_marker=True, last_modified=found.written_at)
        self._ask(HEAD, version)
        if found is None:
            return None
        if found.hidden:
            tags = self.tags(version)
            return Head(None, False, None, tag_count=len(tags or {}), unreadable=True)
        withheld = (version.bucket, TAGS) in self.denied
        count = None if withheld else len(found.tags) or None
        return Head(self.header(version), False, found.written_at, tag_count=count)

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        self._ask(TAGS, version)
        found = self.held.get(version)
        return None if found is None else dict(found.tags)

    def get_bucket_replication(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        if (Bucket, CONFIGURATION) in self.denied:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetBucketReplication")
        self.reads[Bucket] += 1
        fresh = self.flickers and self.reads[Bucket] % 2 == 0
        if Bucket == SOURCE and self.milliseconds < self.stale_until and not fresh:
            return self.before
        if Bucket == SOURCE:
            self.shown.add(self.configuration_number)
        return configuration(self.rules_of(Bucket))

    def list_object_versions(self, *, Bucket: str, MaxKeys: int) -> dict[str, Any]:  # noqa: N803
        there = [version for version in self.held if version.bucket == Bucket][:MaxKeys]
        return {"Versions": [{"Key": version.key} for version in there]}

    def header(self, version: ObjectVersion) -> str | None:
        """`x-amz-replication-status`. Of a delete marker S3 shows none; here it is what the header
        of its source would be."""
        found = self.held[version]
        if found.replica:
            return "REPLICA"
        statuses = set(found.places.values())
        if "FAILED" in statuses and (self.failure_shows_at_once or "PENDING" not in statuses):
            return "FAILED"
        if not statuses:
            return None
        return "COMPLETED" if statuses == {"COMPLETED"} else "PENDING"

    def note(self, version: ObjectVersion) -> None:
        """Keeps how the version fares from now on."""
        now, places = self.now(), dict(self.held[version].places)
        moment = Moment(now, places, self.header(version))
        self.moments.setdefault(version, []).append(moment)

    def at(self, version: ObjectVersion, instant: Instant) -> Iterator[Moment]:
        """How the version fared at that millisecond; more than once if it changed in it."""
        known = self.moments.get(version, [])
        yield from [one for one in known if one.at < instant][-1:]
        yield from (one for one in known if one.at == instant)

    def pending(self) -> Iterator[tuple[ObjectVersion, str]]:
        return self._places("PENDING")

    def failed(self) -> Iterator[tuple[ObjectVersion, str]]:
        return self._places("FAILED")

    def _places(self, status: str) -> Iterator[tuple[ObjectVersion, str]]:
        for version, found in self.held.items():
            yield from ((version, name) for name, s in found.places.items() if s == status)

    def _ask(self, action: str, version: ObjectVersion) -> None:
        self._answer(version)
        if (version.bucket, action) in self.denied:
            raise Denied(_NAMES[action], version.bucket)

    def _answer(self, version: ObjectVersion) -> None:
        digits = "".join(filter(str.isdigit, version.version_id)) or "0"
        if self.busy is not None and int(digits) % BUSY_OF == self.busy:
            raise Unavailable("S3 answered SlowDown")

    def change_rules(
        self, rules: Sequence[Rule], *, stale: int = 0, flickers: bool = False
    ) -> None:
        """Puts the configuration of the source; reads may return the one before for `stale`
        milliseconds."""
        self.before = configuration([replace(rule) for rule in self.rules])
        self.rules = list(rules)
        self.configuration_number += 1
        self.stale_until, self.flickers = self.milliseconds + stale, flickers
