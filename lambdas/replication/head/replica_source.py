"""Finds the source bucket of a replica. A replica has its source's key and version id, and only
these identify it: the ETag changes with encryption, any principal can write to a bucket, and
LastModified is copied from the source, also for delete markers."""

from collections.abc import Mapping
from dataclasses import dataclass

from replication.errors import Denied, Undecided, Unplaced, Unsourced
from replication.head.port import Head, Objects
from replication.ledger.port import Ledger
from replication.s3.rule_history import RuleHistory, sources_of
from replication.s3.status import REPLICA
from replication.s3.version import ObjectVersion

MOST_ASKED = 8
"""The most buckets that are read for one version: everyone who may write to a destination can cause
these reads. A version beyond it waits for the event of its source, or until that is reconciled."""


@dataclass(frozen=True, slots=True)
class ReplicaSources:
    """Finds the source bucket of a version that a destination has, or had."""

    histories: Mapping[str, RuleHistory]
    """The rules of every source bucket."""
    objects: Objects
    ledger: Ledger

    def sources(self, version: ObjectVersion, *, marker: bool = False) -> tuple[str, ...]:
        """Buckets whose rules could have sent the version to the bucket it is in, by name."""
        return sources_of(self.histories, version.bucket, version.key, delete_marker=marker)

    def of(self, version: ObjectVersion, here: Head) -> str | None:
        """The source bucket of a version that its own bucket has, with the HEAD `here`; None when
        it is the bucket's own.

        A version id is unique, so a source bucket with the same one has the source or another
        replica. Their statuses tell which; for delete markers and SSE-C objects, which show none,
        the one that the ledger knows is the source.

        Unsourced when it is a replica, and of no tracked bucket it is certain that it has, or had,
        its source. Undecided when two buckets have a version without a status, and the ledger knows
        neither. Denied when a bucket that could not be read may have the source.
        """
        is_source = version.bucket in self.histories
        seen = here.replication_status == REPLICA
        silent = here.delete_marker or here.unreadable
        if not seen and not silent and (here.replication_status is None or not is_source):
            return None
        sources = self.sources(version, marker=here.delete_marker)
        if known := self._known(version, sources):
            return known
        # S3 may have replicated it by a rule that the tracker never read.
        unseen = sorted({*self.histories} - {*sources, version.bucket}) if seen else []
        copied_from, may_be_copied, refused = None, False, None
        for source in (*sources, *unseen)[:MOST_ASKED]:
            try:
                there = self.objects.head(version.in_bucket(source))
            except Denied as denied:
                refused = denied  # another bucket may have it
                continue
            if there is None:
                if source in sources and self._had_replica(version, source):
                    copied_from = copied_from or source
                elif source in sources and self.sources(version.in_bucket(source)):
                    may_be_copied = True  # from a replica that is gone and was never heard of
                continue
            if there.replication_status == REPLICA:
                if not seen:
                    return None
                # Another replica of the same source, or what a Batch Replication job copied from.
                if source in sources:
                    copied_from = copied_from or source
                continue
            if silent and version.bucket in self.sources(
                version.in_bucket(source), marker=here.delete_marker
            ):
                raise Undecided(source)
            if source in unseen and (copied_from or may_be_copied or refused):
                break  # a copy of a replica belongs to the bucket it was copied from
            return source
        if copied_from:
            return copied_from
        if refused:
            raise refused
        if seen:
            raise Unsourced(version.bucket)
        return None

    def of_gone(self, version: ObjectVersion) -> str | None:
        """The source bucket of a version that its own bucket does not have any more; None when that
        is a source itself and no other is known. Unplaced when no source is known."""
        is_source = version.bucket in self.histories
        source = self._known(version, self.sources(version)) or self._holder(version, is_source)
        if source is None and not is_source:
            raise Unplaced("the version is gone from its bucket, and no source is known for it")
        return source

    def of_deleted(self, version: ObjectVersion, *, ask: bool = True) -> str | None:
        """The source bucket of a version that was deleted by its version id; None when it is not
        known. `ask`: read it from S3 where the ledger does not have it."""
        sources = self.sources(version)
        for source in sources[:MOST_ASKED]:
            if version.bucket in self.ledger.states(version.in_bucket(source)):
                return source
        return self._holder(version, version.bucket in self.histories) if ask else None

    def _known(self, version: ObjectVersion, sources: tuple[str, ...]) -> str | None:
        """A bucket whose version the ledger has. It may be deleted there: its version id still
        identifies it."""
        for source in sources[:MOST_ASKED]:
            states = self.ledger.states(version.in_bucket(source))
            if any(name != source for name in states):
                return source
        return None

    def _had_replica(self, version: ObjectVersion, bucket: str) -> bool:
        """Whether a bucket has, or had, a replica of the version, as the ledger knows."""
        there = version.in_bucket(bucket)
        return any(
            (state := self.ledger.states(there.in_bucket(source)).get(bucket))
            and (state.arrived_at or state.lost_at)
            for source in self.sources(there)[:MOST_ASKED]
        )

    def _holder(self, version: ObjectVersion, is_source: bool) -> str | None:
        """A bucket that has the source version, as HEAD shows; Denied when one may not be read."""
        refused = None
        for source in self.sources(version)[:MOST_ASKED]:
            try:
                there = self.objects.head(version.in_bucket(source))
            except Denied as denied:
                refused = denied
                continue
            if there and is_original(there, is_source):
                return source
        if refused:
            raise refused
        return None


def is_original(there: Head, both_ways: bool) -> bool:
    """Whether what another bucket has is the source, not a replica. Between two buckets that
    replicate to each other (`both_ways`), a version without a status does not show that."""
    silent = there.delete_marker or there.unreadable
    return there.replication_status != REPLICA and not (both_ways and silent)
