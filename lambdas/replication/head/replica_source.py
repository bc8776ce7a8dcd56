"""Whose replica is it? A replica keeps its source's key and version id, and nothing else proves
kinship: ETags change with encryption, requesters and principals can be anybody's, and LastModified
is copied along with the object, markers included, so no age tells which of two was first."""

from collections.abc import Mapping
from dataclasses import dataclass

from replication.errors import Denied, Undecided, Unplaced, Unsourced
from replication.head.port import Head, Objects
from replication.ledger.port import Ledger
from replication.s3.rule_history import RuleHistory, sources_of
from replication.s3.status import REPLICA
from replication.s3.version import ObjectVersion

MOST_ASKED = 8
"""Buckets that are asked about one version at most: whoever may write into a destination decides
how many versions there are to ask about. Past it the version waits for its source to be heard of,
or for reconciliation, which starts at the source."""


@dataclass(frozen=True, slots=True)
class ReplicaSources:
    """Finds the source bucket of a version that a destination has, or had. `histories` are the
    rules of every source bucket."""

    histories: Mapping[str, RuleHistory]
    objects: Objects
    ledger: Ledger

    def sources(self, version: ObjectVersion, *, marker: bool = False) -> tuple[str, ...]:
        """Buckets whose rules could have sent the version where it is, by name."""
        return sources_of(self.histories, version.bucket, version.key, delete_marker=marker)

    def of(self, version: ObjectVersion, here: Head) -> str | None:
        """The source of a version its bucket has and shows as `here`; None when it is the bucket's
        own. Unsourced when it is a replica and no tracked bucket has, or had, its source; Undecided
        when two buckets have a marker and nobody heard of either.

        A version id is unique, so the same one in a source bucket proves kinship; which of two
        buckets is the source, the status says, and of what has none (a delete marker, an object
        whose key only its owner has) the ledger: what was heard of first.
        """
        is_source = version.bucket in self.histories
        seen = here.replication_status == REPLICA
        silent = here.delete_marker or here.unreadable
        if not seen and not silent and (here.replication_status is None or not is_source):
            return None
        sources = self.sources(version, marker=here.delete_marker)
        if known := self._known(version, sources):
            return known
        # S3 may have replicated it by a rule that nobody has seen.
        unseen = sorted({*self.histories} - {*sources, version.bucket}) if seen else []
        copied_from, refused = None, None
        for source in (*sources, *unseen)[:MOST_ASKED]:
            try:
                there = self.objects.head(version.in_bucket(source))
            except Denied as denied:
                refused = denied  # another bucket may know it
                continue
            if there is None:
                if source in sources and self._had_replica(version, source):
                    copied_from = copied_from or source
                continue
            if there.replication_status == REPLICA:
                if not seen:
                    return None
                # A replica of the same source, unless it was copied on from there by a job.
                if source in sources:
                    copied_from = copied_from or source
                continue
            if silent and version.bucket in self.sources(
                version.in_bucket(source), marker=here.delete_marker
            ):
                raise Undecided(source)
            if source in unseen and copied_from:
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
        """The same of a version that its bucket does not have any more. Unplaced when nobody knows
        it so far."""
        is_source = version.bucket in self.histories
        source = self._known(version, self.sources(version)) or self._holder(version, is_source)
        if source is None and not is_source:
            raise Unplaced("the version is gone from its bucket, and no source is known for it")
        return source

    def of_deleted(self, version: ObjectVersion, *, ask: bool = True) -> str | None:
        """The source of a version that was deleted for good, None when none is known to have it.
        `ask`: S3 is asked where the ledger does not know."""
        sources = self.sources(version)
        for source in sources[:MOST_ASKED]:
            if version.bucket in self.ledger.states(version.in_bucket(source)):
                return source
        return self._holder(version, version.bucket in self.histories) if ask else None

    def _known(self, version: ObjectVersion, sources: tuple[str, ...]) -> str | None:
        """A bucket whose version the ledger knows. It may be gone there; that its version id is
        known is as good a proof."""
        for source in sources[:MOST_ASKED]:
            states = self.ledger.states(version.in_bucket(source))
            if any(name != source for name in states):
                return source
        return None

    def _had_replica(self, version: ObjectVersion, bucket: str) -> bool:
        """Whether the ledger knows that a bucket once held a replica of the version."""
        there = version.in_bucket(bucket)
        return any(
            (state := self.ledger.states(there.in_bucket(source)).get(bucket))
            and (state.arrived_at or state.lost_at)
            for source in self.sources(there)[:MOST_ASKED]
        )

    def _holder(self, version: ObjectVersion, is_source: bool) -> str | None:
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
    """Whether what another bucket has is no replica itself. Of two buckets that replicate to each
    other, a marker does not show which of them it was made in."""
    silent = there.delete_marker or there.unreadable
    return there.replication_status != REPLICA and not (both_ways and silent)
