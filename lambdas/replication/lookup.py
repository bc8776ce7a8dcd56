"""Finds object versions for a bucket, whether it is their source or one of their destinations."""

from collections.abc import Callable, Iterator, Mapping
from typing import Protocol

from replication import views
from replication.configuration import History, sources_of
from replication.errors import TrackerError
from replication.facts import ObjectVersion
from replication.stored import Stored
from replication.views import Age, Json, Present

Histories = Mapping[str, History | None]
"""By source bucket; None: its configuration was never read."""


class NotTracked(TrackerError):
    """The ledger knows no such object in that bucket. The message is fit for a client."""


class TooManyVersions(TrackerError):
    """A key has more versions than one request may read."""


class Versions(Protocol):
    """Reads of the ledger by key."""

    def version(self, version: ObjectVersion) -> tuple[Stored, ...]:
        """Every item of one version with its facts; none when it is not tracked."""
        ...

    def versions(self, bucket: str, key: str) -> Iterator[tuple[Stored, ...]]:
        """The items of each version of a key, without facts. TooManyVersions past a bound."""
        ...


class Lookup:
    """`source_buckets` are those whose versions the tracker follows; `present` tells the time."""

    def __init__(
        self,
        ledger: Versions,
        histories: Callable[[], Histories],
        source_buckets: frozenset[str],
        present: Callable[[], Present],
    ) -> None:
        self._present = present
        self._ledger = ledger
        self._histories = histories
        self._source_buckets = source_buckets

    def find(self, bucket: str, key: str, version_id: str | None) -> Json:
        """One version; without an id the latest that is tracked. NotTracked when there is none.

        In a bucket that is both, a version of its own goes before a replica of the same id.
        """
        if version_id is None:
            return self._latest(bucket, key)
        version = ObjectVersion(bucket, key, version_id)
        own = self._ledger.version(version) if bucket in self._source_buckets else ()
        if own and not views.is_unsourced(own):
            return views.tracked_object(own, bucket, self._present())
        missing: ObjectVersion | None = None
        for source in self._sources(bucket, key):
            items = self._ledger.version(ObjectVersion(source, key, version_id))
            if views.holds(items, bucket):
                return views.tracked_object(items, bucket, self._present())
            if any(item.destination == bucket for item in items):
                missing = items[0].version
        own = own or self._ledger.version(version)
        if views.holds(own, bucket):
            return views.tracked_object(own, bucket, self._present())
        raise _not_tracked(version.bucket, missing)

    def versions(self, bucket: str, key: str) -> Iterator[tuple[Age, tuple[Stored, ...]]]:
        """The items, without facts, of every version of the key that the bucket has, in no order;
        each with its age."""
        for present, items in self._copies(bucket, key):
            if present:
                yield views.age_of(items), items

    def _latest(self, bucket: str, key: str) -> Json:
        present, light = max(
            self._copies(bucket, key),
            key=lambda copy: (copy[0], views.age_of(copy[1])),
            default=(False, ()),
        )
        if not present:
            raise _not_tracked(bucket, light[0].version if light else None)
        version = light[0].version
        items = self._ledger.version(version)
        if (items and version.bucket == bucket) or views.holds(items, bucket):
            return views.tracked_object(items, bucket, self._present())
        raise _not_tracked(bucket, version)  # it went between the two reads

    def _copies(self, bucket: str, key: str) -> Iterator[tuple[bool, tuple[Stored, ...]]]:
        """Items, without facts, of each version of the key that concerns the bucket, and whether
        the bucket has it: a replica may be on its way, or have been deleted there."""
        sourced = set()
        for source in self._sources(bucket, key):
            for items in self._ledger.versions(source, key):
                if any(item.destination == bucket for item in items):
                    sourced.add(items[0].version.version_id)
                    yield views.holds(items, bucket), items
        for items in self._ledger.versions(bucket, key):
            if not views.is_unsourced(items):
                yield bucket in self._source_buckets, items
            elif items[0].version.version_id not in sourced:
                yield views.holds(items, bucket), items

    def _sources(self, bucket: str, key: str) -> tuple[str, ...]:
        """Buckets whose versions of the key could be in `bucket` as replicas. One whose rules
        are unknown could be any: its items tell."""
        histories = self._histories()
        known = {name: history for name, history in histories.items() if history is not None}
        unknown = {name for name, history in histories.items() if history is None}
        return tuple(sorted({*sources_of(known, bucket, key), *unknown} - {bucket}))


def _not_tracked(bucket: str, missing: ObjectVersion | None) -> NotTracked:
    if missing is None:
        return NotTracked(f"Nothing is known of such an object in {bucket}.")
    return NotTracked(
        f"The object has not arrived in {bucket}, or was deleted there. Its source is version"
        f" {missing.version_id} of the same key in {missing.bucket}; ask there for its status."
    )
