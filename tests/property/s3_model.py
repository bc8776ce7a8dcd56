"""S3 in memory, as the tracker meets it: versions, rules, replicas, headers, and events.

Written from S3's documentation alone; it shares no rule with the tracker but the vocabulary. What
Amazon does not say is a field, so that a test can try both: `failure_shows_at_once` (the header of
one failed and one pending destination), `change_events` (whether replicated tags and ACLs emit
events at the destination) and `markers_show` (whether an inventory calls replicated markers
REPLICA).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from replication.deliveries import Listed
from replication.errors import Denied
from replication.events import Changed, Created, Deleted, Event, Operation, Replicated
from replication.facts import ObjectVersion
from replication.ports import Head
from replication.status import Status
from replication.times import Instant, from_datetime

SOURCE = "src"
DESTINATIONS = ("dst-a", "dst-b")
EPOCH = datetime(2026, 11, 22, 10, tzinfo=UTC)
TAG = {"replicate": "yes"}


@dataclass
class Rule:
    """One V2 rule with metrics."""

    destination: str
    prefix: str = ""
    tagged: bool = False
    delete_markers: bool = True
    enabled: bool = True

    def takes(self, key: str, tags: Mapping[str, str], *, marker: bool) -> bool:
        if not self.enabled or not key.startswith(self.prefix):
            return False
        if marker:
            return self.delete_markers and not self.tagged
        return not self.tagged or tags.get("replicate") == "yes"

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


@dataclass
class Version:
    """What a bucket holds. `places`: the status at each destination it was accepted for."""

    written_at: Instant
    tags: dict[str, str] = field(default_factory=dict)
    first_tags: dict[str, str] = field(default_factory=dict)
    marker: bool = False
    replica: bool = False
    places: dict[str, str] = field(default_factory=dict)
    changing: set[str] = field(default_factory=set)
    """Destinations whose replica is older than the tags or the ACL."""


@dataclass
class S3Model:
    """`ports.Objects`, and everything a user or S3 itself can do. `sent` are the events on their
    way; whoever drives the model takes them out."""

    failure_shows_at_once: bool = True
    change_events: bool = True
    markers_show: bool = True
    rules: list[Rule] = field(default_factory=lambda: [Rule("dst-a"), Rule("dst-b", "both/")])
    held: dict[ObjectVersion, Version] = field(default_factory=dict)
    sent: list[Event] = field(default_factory=list)
    denied: frozenset[str] = frozenset()
    milliseconds: int = 0
    number: int = 0
    written: dict[ObjectVersion, Version] = field(default_factory=dict)
    """Every version ever written to the source, also those that are gone."""
    was_failed: set[ObjectVersion] = field(default_factory=set)
    """Versions that some destination ever failed for."""
    was_held: set[tuple[ObjectVersion, str]] = field(default_factory=set)
    """Versions and the destinations that ever had them."""

    def now(self) -> Instant:
        return from_datetime(EPOCH + timedelta(milliseconds=self.milliseconds))

    def pass_time(self, milliseconds: int) -> None:
        self.milliseconds += milliseconds

    # What the tracker asks.

    def head(self, version: ObjectVersion) -> Head | None:
        self._ask("s3:GetObjectVersion", version.bucket)
        found = self.held.get(version)
        if found is None:
            return None
        if found.marker:
            return Head(None, delete_marker=True, last_modified=found.written_at)
        status = "REPLICA" if found.replica else self.header(version)
        return Head(status, False, found.written_at, tag_count=len(found.tags))

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        self._ask("s3:GetObjectVersionTagging", version.bucket)
        found = self.held.get(version)
        return None if found is None else found.tags

    def get_bucket_replication(self, *, Bucket: str) -> dict[str, Any]:  # noqa: N803
        rules = [rule.raw(number) for number, rule in enumerate(self.rules)]
        return {"ReplicationConfiguration": {"Role": "arn:aws:iam::1:role/r", "Rules": rules}}

    def header(self, version: ObjectVersion) -> str | None:
        """`x-amz-replication-status` of a source version. Of a delete marker S3 shows none; here
        it is what the header would be."""
        statuses = set(self.held[version].places.values())
        if "FAILED" in statuses and (self.failure_shows_at_once or "PENDING" not in statuses):
            return "FAILED"
        if not statuses:
            return None
        return "COMPLETED" if statuses == {"COMPLETED"} else "PENDING"

    def listed(self, version: ObjectVersion) -> Listed:
        """The row of an S3 Inventory."""
        found = self.held[version]
        marked = found.marker and not self.markers_show
        header = None
        if version.bucket == SOURCE and not found.marker:
            header = self.header(version)
        return Listed(
            version,
            Status(header) if header else None,
            replica=found.replica and not marked,
            delete_marker=found.marker,
            last_modified=found.written_at,
        )

    def pending(self) -> Iterator[tuple[ObjectVersion, str]]:
        return self._places("PENDING")

    def failed(self) -> Iterator[tuple[ObjectVersion, str]]:
        return self._places("FAILED")

    def _places(self, status: str) -> Iterator[tuple[ObjectVersion, str]]:
        for version, found in self.held.items():
            yield from ((version, name) for name, s in found.places.items() if s == status)

    # What users do.

    def put(self, key: str, tags: Mapping[str, str], *, marker: bool = False) -> ObjectVersion:
        self.number += 1
        version = ObjectVersion(SOURCE, key, f"v{self.number}")
        taken = {r.destination for r in self.rules if r.takes(key, tags, marker=marker)}
        stored = Version(
            self.now(),
            dict(tags),
            dict(tags),
            marker,
            places=dict.fromkeys(sorted(taken), "PENDING"),
        )
        self.held[version] = self.written[version] = stored
        self._created(version, marker=marker)
        return version

    def put_at_destination(self, bucket: str, key: str) -> None:
        self.number += 1
        version = ObjectVersion(bucket, key, f"v{self.number}")
        self.held[version] = Version(self.now())
        self._created(version, marker=False)

    def change(self, version: ObjectVersion, tags: Mapping[str, str]) -> None:
        """New tags. Whoever has the version is due once more where a rule is still enabled; who
        waits gets them along with it; who failed stays failed."""
        found = self.held[version]
        found.tags = dict(tags)
        self.sent.append(Changed(version, self._second(), self._id("changed"), True))
        still = {rule.destination for rule in self.rules if rule.enabled}
        for name in still.intersection(found.places):
            if found.places[name] == "COMPLETED":
                found.places[name] = "PENDING"
                found.changing.add(name)

    def delete(self, version: ObjectVersion) -> None:
        del self.held[version]
        self.sent.append(Deleted(version, self._second(), self._id("deleted"), True))

    # What S3 does.

    def arrive(self, version: ObjectVersion, name: str, *, with_tags: bool = True) -> None:
        """`with_tags=False`: S3 may not read the tags. The replica is there, and it FAILED."""
        found, there = self.held[version], _at(version, name)
        changing = name in found.changing
        found.changing.discard(name)
        if changing and there not in self.held:
            self.fail(version, name)
            return
        tags = found.tags if with_tags else {}
        self.held[there] = Version(found.written_at, dict(tags), marker=found.marker, replica=True)
        self.was_held.add((version, name))
        found.places[name] = "COMPLETED" if with_tags else "FAILED"
        if not with_tags:
            self.was_failed.add(version)
        if not changing:
            self._created(there, marker=found.marker)
        elif self.change_events:
            self.sent.append(Changed(there, self._second(), self._id("changed"), True))

    def fail(self, version: ObjectVersion, name: str) -> None:
        self.held[version].places[name] = "FAILED"
        self.was_failed.add(version)
        self._told(version, name, Operation.FAILED, "DstPutObjectNotPermitted")

    def stop_tracking(self, version: ObjectVersion, name: str) -> None:
        """The replication metrics lose sight of it; it goes on all the same."""
        self._told(version, name, Operation.NOT_TRACKED)

    def try_again(self, version: ObjectVersion, name: str) -> None:
        """A Batch Replication job. No event tells of it."""
        self.held[version].places[name] = "PENDING"

    def _told(
        self, version: ObjectVersion, name: str, operation: Operation, code: str | None = None
    ) -> None:
        at = self.now()
        event = Replicated(operation, version, name, at, self._id("told"), failure_code=code)
        self.sent.append(event)

    def _created(self, version: ObjectVersion, *, marker: bool) -> None:
        event = Created(version, self._second(), self._id("created"), True, delete_marker=marker)
        self.sent.append(event)

    def _second(self) -> Instant:
        """EventBridge's time."""
        return Instant(self.now()[:-4] + "000Z")

    def _id(self, word: str) -> str:
        self.number += 1
        return f"{word}-{self.number}"

    def _ask(self, action: str, bucket: str) -> None:
        if bucket in self.denied:
            raise Denied(action, bucket)


def _at(version: ObjectVersion, bucket: str) -> ObjectVersion:
    return ObjectVersion(bucket, version.key, version.version_id)
