"""S3 in memory, as the tracker meets it: versions, rules, replicas, headers, and events.

Written from S3's documentation and from captures of it alone; it shares no rule with the tracker
but the vocabulary. What Amazon does not say is a field, so that a test can try both:
`failure_shows_at_once` (the header of one failed and one pending destination), `change_events`
(whether replicated tags and ACLs emit events at the destination), `change_failures_told` (whether
a change that fails is told of), `markers_show` (whether an inventory calls replicated markers
REPLICA).
"""

from dataclasses import dataclass, field, replace

from replication.s3.deliveries import Listed
from replication.s3.events import Changed, Created, Deleted, Event, Operation, Replicated
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.times import Instant
from tests.laws.s3_reads import S3Reads, Version
from tests.laws.s3_rules import CHAIN, DESTINATIONS, SOURCE, TAG, THIRD, Rule, taken

__all__ = ["CHAIN", "DESTINATIONS", "SOURCE", "TAG", "THIRD", "Rule", "S3Model", "Version"]


@dataclass
class S3Model(S3Reads):
    """Everything a user or S3 itself can do. `sent` are the events on their way; whoever drives
    the model takes them out. `milliseconds_told`: creations are told by notifications as well."""

    change_events: bool = True
    change_failures_told: bool = True
    markers_show: bool = True
    milliseconds_told: bool = False
    sent: list[Event] = field(default_factory=list)
    written: dict[ObjectVersion, Version] = field(default_factory=dict)
    """Every version ever written to a source, also those that are gone."""
    was_failed: set[ObjectVersion] = field(default_factory=set)
    """Versions that some destination ever failed for."""
    was_held: set[tuple[ObjectVersion, str]] = field(default_factory=set)
    """Versions and the destinations that ever had them."""
    held_since: dict[ObjectVersion, Instant] = field(default_factory=dict)
    """When each copy first arrived."""
    gone: dict[ObjectVersion, Instant] = field(default_factory=dict)
    """When what is gone was first deleted: a copy can be made again, and deleted again."""

    def listed(self, version: ObjectVersion) -> Listed:
        """The row of an S3 Inventory."""
        found = self.held[version]
        marked = found.marker and not self.markers_show
        header = None if found.marker or found.replica else self.header(version)
        return Listed(
            version,
            Status(header) if header else None,
            replica=found.replica and not marked,
            delete_marker=found.marker,
            last_modified=found.written_at,
        )

    # What users do.

    def put(
        self,
        key: str,
        tags: dict[str, str],
        *,
        marker: bool = False,
        hidden: bool = False,
        bucket: str = SOURCE,
    ) -> ObjectVersion:
        version = ObjectVersion(bucket, key, self._id("v"))
        rules = self.rules_of(bucket)
        names = taken(rules, key, tags, marker=marker)
        anyway = taken([one for one in rules if not one.tagged], key, tags, marker=marker)
        stored = Version(
            self.now(),
            dict(tags),
            marker,
            hidden=hidden,
            met=self.configuration_number,
            by_tags=names - anyway,
            places=dict.fromkeys(sorted(names), "PENDING"),
        )
        self.held[version] = stored
        if bucket == SOURCE or bucket in self.rules_elsewhere:
            self.written[version] = stored
            self.note(version)
        self._created(version)
        return version

    def put_at_destination(self, bucket: str, key: str) -> None:
        self.put(key, {}, bucket=bucket)

    def change(self, version: ObjectVersion, tags: dict[str, str]) -> None:
        """Other tags."""
        found = self.held[version]
        found.retagged |= found.tags.get("replicate") != tags.get("replicate")
        self.held[version].tags = dict(tags)
        self.sent.append(Changed(version, self._second(), self._id("changed"), True))
        self._ask_again(version)

    def retain(self, version: ObjectVersion, until: str) -> None:
        """An Object Lock retention; one that is set again as it was is told of, and no change."""
        event = Changed(version, self._second(), self._id("retained"), True, retention=until)
        self.sent.append(event)
        if self.held[version].retention != until:
            self.held[version].retention = until
            self._ask_again(version)

    def _ask_again(self, version: ObjectVersion) -> None:
        """Rules and tags of now say where a change goes, among the places the version went to: who
        waits gets it along with it, and who failed is tried again."""
        found = self.held[version]
        now = taken(self.rules_of(version.bucket), version.key, found.tags)
        for name in now.intersection(found.places):
            if found.places[name] == "COMPLETED" or version.in_bucket(name) in self.held:
                found.changing.add(name)
            found.places[name] = "PENDING"
        self.note(version)

    def delete(self, version: ObjectVersion) -> None:
        del self.held[version]
        self.gone.setdefault(version, self.now())
        self.sent.append(Deleted(version, self._second(), self._id("deleted"), True))

    # What S3 does.

    def arrive(
        self, version: ObjectVersion, name: str, *, with_tags: bool = True, late: bool = False
    ) -> None:
        """`with_tags=False`: S3 may not read the tags. The replica is there, and it FAILED.
        `late`: S3 tells that it came after the threshold."""
        found, there = self.held[version], version.in_bucket(name)
        changing = name in found.changing
        if changing and there not in self.held:
            self.fail(version, name)
            return
        found.changing.discard(name)
        tags = found.tags if with_tags else {}
        copy = replace(found, tags=dict(tags), replica=True, places={}, changing=set())
        self.held[there] = copy
        self.was_held.add((version, name))
        self.held_since.setdefault(there, self.now())
        found.places[name] = "COMPLETED" if with_tags else "FAILED"
        if not with_tags:
            self.was_failed.add(version)
        self.note(version)
        if not changing:
            self._created(there)
        elif self.change_events:
            self.sent.append(Changed(there, self._second(), self._id("changed"), True))
        if late and with_tags:
            self._told(version, name, Operation.REPLICATED_AFTER_THRESHOLD)

    def fail(self, version: ObjectVersion, name: str) -> None:
        """S3 gives up. What it tells repeats the time of the write."""
        found = self.held[version]
        changing = name in found.changing
        found.changing.discard(name)
        found.places[name] = "FAILED"
        self.was_failed.add(version)
        self.note(version)
        if self.change_failures_told or not changing:
            self._told(version, name, Operation.FAILED, "DstPutObjectNotPermitted")

    def miss(self, version: ObjectVersion, name: str) -> None:
        """It is not there within the threshold."""
        self._told(version, name, Operation.MISSED_THRESHOLD)

    def stop_tracking(self, version: ObjectVersion, name: str) -> None:
        """The replication metrics lose sight of it; it goes on all the same."""
        self._told(version, name, Operation.NOT_TRACKED)

    def try_again(self, version: ObjectVersion, name: str) -> None:
        """A Batch Replication job. No event tells of it."""
        self.held[version].places[name] = "PENDING"
        self.note(version)

    def copy_on(self, version: ObjectVersion) -> None:
        """A job replicates a replica on, by the rules of the bucket it is in."""
        found = self.held[version]
        names = taken(self.rules_of(version.bucket), version.key, found.tags, marker=found.marker)
        for name in sorted(names.difference(found.places)):
            found.places[name] = "PENDING"
        self.written[version] = found
        self.note(version)

    def arrive_from_elsewhere(self, key: str) -> None:
        """A replica of a bucket that nobody tracks. No rule replicates it on."""
        version = ObjectVersion(SOURCE, key, self._id("v"))
        self.held[version] = Version(self.now(), replica=True)
        self._created(version)

    def _told(
        self, version: ObjectVersion, name: str, operation: Operation, code: str | None = None
    ) -> None:
        self.sent.append(
            Replicated(
                operation,
                version,
                name,
                self.now(),
                self._id("told"),
                requested_at=self.held[version].written_at,
                failure_code=code,
            )
        )

    def _created(self, version: ObjectVersion) -> None:
        """EventBridge tells of it in whole seconds."""
        marker, sequencer = self.held[version].marker, f"{self.number:016X}"
        told = Created(
            version,
            self._second(),
            self._id("created"),
            True,
            size=self.number,
            sequencer=sequencer,
            delete_marker=marker,
        )
        self.sent.append(told)
        if self.milliseconds_told:
            again = replace(told, at=self.now(), id=self._id("notified"), whole_second=False)
            self.sent.append(again)

    def _second(self) -> Instant:
        """EventBridge's time."""
        return Instant(self.now()[:-4] + "000Z")

    def _id(self, word: str) -> str:
        self.number += 1
        return f"{word}{self.number}" if word == "v" else f"{word}-{self.number}"
