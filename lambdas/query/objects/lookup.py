"""Finds object versions for a bucket, whether it is their source or one of their destinations."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from replication.errors import TrackerError
from replication.ledger import version_items
from replication.ledger.item import LedgerItem
from replication.ledger.version_items import Age, VersionItems
from replication.published import row
from replication.published.row import AsOf, Json
from replication.s3.rule_history import RuleHistory, sources_of
from replication.s3.version import ObjectVersion

Histories = Mapping[str, RuleHistory | None]
"""By source bucket; None: its configuration was never read."""


class NotTracked(TrackerError):
    """The ledger has no such object in that bucket. The message may be shown to a client."""


class Versions(Protocol):
    """Reads of the ledger by key."""

    def version(self, version: ObjectVersion) -> tuple[LedgerItem, ...]:
        """The items of one version with their facts; none when it is not tracked."""
        ...

    def versions(self, bucket: str, key: str) -> Iterator[tuple[LedgerItem, ...]]:
        """The items of each version of a key, without facts. TooManyVersions past a bound."""
        ...


class _Copy(NamedTuple):
    """A version that concerns a bucket.

    exists      whether the bucket has it, as far as is known
    own         whether it was written there
    items       its items, without facts
    """

    exists: bool
    own: bool
    items: tuple[LedgerItem, ...]


@dataclass(frozen=True, slots=True)
class Lookup:
    """Finds versions by bucket and key.

    ledger              reads by key
    histories           the rules of every source bucket
    source_buckets      the tracked source buckets
    present             the time of an answer
    """

    ledger: Versions
    histories: Callable[[], Histories]
    source_buckets: frozenset[str]
    present: Callable[[], AsOf]

    def find(self, bucket: str, key: str, version_id: str | None) -> Json:
        """One version; without an id, the newest that exists. NotTracked when there is none.

        A bucket that is source and destination may have two with this id; its own comes first.
        """
        if version_id is None:
            return self._latest(bucket, key)
        version = ObjectVersion(bucket, key, version_id)
        own = self.ledger.version(version) if bucket in self.source_buckets else ()
        if own and not version_items.is_unsourced(own):
            return row.tracked_object(own, bucket, self.present())
        missing: ObjectVersion | None = None
        for source in self._sources(bucket, key):
            items = self.ledger.version(ObjectVersion(source, key, version_id))
            if version_items.holds(items, bucket):
                return row.tracked_object(items, bucket, self.present())
            if any(item.destination == bucket for item in items):
                missing = items[0].version
        own = own or self.ledger.version(version)
        if version_items.holds(own, bucket):
            return row.tracked_object(own, bucket, self.present())
        raise self._not_tracked(version.bucket, missing)

    def versions(
        self, bucket: str, key: str, *, deleted: bool = False
    ) -> Iterator[tuple[Age, tuple[LedgerItem, ...]]]:
        """Every version of the key that the bucket has, in no order: its age, and its items without
        facts. With `deleted`, also those that were written there and deleted for good."""
        for copy in self._copies(bucket, key):
            if copy.exists or (deleted and copy.own):
                yield version_items.age_of(copy.items), copy.items

    def written(self, bucket: str, key: str, version_id: str | None) -> VersionItems:
        """The items of one version that was written in the bucket; without an id, of the newest
        that exists, or of the newest deleted one when none does. Empty: nothing is known of it, or
        the newest is a replica. TooManyVersions past a bound."""
        if version_id is None:
            newest = self._newest(bucket, key)
            return newest.items if newest and newest.own else ()
        own = self.ledger.version(ObjectVersion(bucket, key, version_id))
        return () if version_items.is_unsourced(own) else own

    def absence(self, bucket: str, key: str) -> NotTracked:
        """Why the bucket has no version of the key."""
        return self._absence(bucket, self._newest(bucket, key))

    def _latest(self, bucket: str, key: str) -> Json:
        newest = self._newest(bucket, key)
        if newest is None or not newest.exists:
            raise self._absence(bucket, newest)
        version = newest.items[0].version
        items = self.ledger.version(version)
        if (items and version.bucket == bucket) or version_items.holds(items, bucket):
            return row.tracked_object(items, bucket, self.present())
        raise self._not_tracked(bucket, version)  # it was deleted between the two reads

    def _newest(self, bucket: str, key: str) -> _Copy | None:
        """The newest that exists; when none does, the newest of the others."""
        copies = self._copies(bucket, key)
        return max(
            copies, key=lambda copy: (copy.exists, version_items.age_of(copy.items)), default=None
        )

    def _copies(self, bucket: str, key: str) -> Iterator[_Copy]:
        """Every version of the key that concerns the bucket. Some may not exist there: deleted for
        good, or a replica that has not arrived."""
        sourced = set()
        for source in self._sources(bucket, key):
            for items in self.ledger.versions(source, key):
                if any(item.destination == bucket for item in items):
                    sourced.add(items[0].version.version_id)
                    yield _Copy(version_items.holds(items, bucket), False, items)
        for items in self.ledger.versions(bucket, key):
            if not version_items.is_unsourced(items):
                exists = bucket in self.source_buckets and version_items.deleted_at(items) is None
                yield _Copy(exists, True, items)
            elif items[0].version.version_id not in sourced:
                yield _Copy(version_items.holds(items, bucket), False, items)

    def _sources(self, bucket: str, key: str) -> tuple[str, ...]:
        """Buckets whose versions of the key may have replicas in `bucket`, and all those whose
        rules are unknown."""
        histories = self.histories()
        known = {name: history for name, history in histories.items() if history is not None}
        unknown = {name for name, history in histories.items() if history is None}
        return tuple(sorted({*sources_of(known, bucket, key), *unknown} - {bucket}))

    def _absence(self, bucket: str, newest: _Copy | None) -> NotTracked:
        deleted_at = version_items.deleted_at(newest.items) if newest and newest.own else None
        if newest is None or deleted_at is None:
            return self._not_tracked(bucket, newest.items[0].version if newest else None)
        return NotTracked(
            f"No version of the object exists in {bucket} any more. The newest was"
            f" {newest.items[0].version.version_id}, deleted for good at {deleted_at}; name it as"
            " version_id to see it. /object/versions lists all of them with deleted=true."
            f"{self._forgotten()}"
        )

    def _not_tracked(self, bucket: str, missing: ObjectVersion | None) -> NotTracked:
        if missing is None:
            return NotTracked(f"Nothing is known of such an object in {bucket}.{self._forgotten()}")
        return NotTracked(
            f"The object has not arrived in {bucket}, or was deleted there. Its source is version"
            f" {missing.version_id} of the same key in {missing.bucket}; ask there for its status."
        )

    def _forgotten(self) -> str:
        before = self.present().forgotten_before
        if before is None:
            return ""
        return (
            f" What was COMPLETED and last heard of before {before} is forgotten: it may have been"
            " such a version, and HEAD of the object shows its status."
        )
