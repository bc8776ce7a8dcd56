"""Whose replica is it? A replica keeps its source's key and version id, and nothing else proves
kinship: ETags change with encryption, and requesters and principals can be anybody's."""

from collections.abc import Mapping
from dataclasses import dataclass

from replication.configuration import History, sources_of
from replication.errors import NotYet, Undecided, Unsourced
from replication.facts import ObjectVersion
from replication.ports import Head, Ledger, Objects
from replication.status import REPLICA

_A_SECOND = len("2026-11-22T09:15:02")
"""HeadObject tells whole seconds."""


@dataclass(frozen=True, slots=True)
class Origins:
    """Finds the source bucket of a version that a destination has, or had. `histories` are the
    rules of every source bucket."""

    histories: Mapping[str, History]
    objects: Objects
    ledger: Ledger

    def sources(self, version: ObjectVersion) -> tuple[str, ...]:
        """Buckets whose rules could have sent the version where it is, by name."""
        return sources_of(self.histories, version.bucket, version.key)

    def of(self, version: ObjectVersion, here: Head) -> str | None:
        """The source of a version its bucket has and shows as `here`; None when it is the bucket's
        own. Unsourced when it is a replica and no tracked bucket has, or had, its source; Undecided
        when two buckets have a marker since the same second.

        A version id is unique, so the same one in a source bucket proves kinship; which of two
        buckets is the source, the status says, and for delete markers, which have none, the age.
        Whether a replicated marker keeps the time of its source, Amazon does not say; whoever knows
        when it appeared here (an event) puts that into `here.last_modified`.
        """
        is_source = version.bucket in self.histories
        seen = here.replication_status == REPLICA
        plain = not here.delete_marker and not seen
        if plain and (here.replication_status is None or not is_source):
            return None
        # S3 may have replicated it by a rule that nobody has seen.
        sources = self.sources(version)
        unseen = sorted({*self.histories} - {*sources, version.bucket})
        others: list[str] = [] if plain else unseen
        for source in (*sources, *others):
            there = self.objects.head(version.in_bucket(source))
            if there is None or (seen and there.replication_status == REPLICA):
                continue  # it never came there, or is a replica of the same source
            if there.replication_status == REPLICA:
                return None
            if is_source and here.delete_marker and _is_older(here, there):
                return None
            return source
        for source in sources:
            # It is gone there; that the ledger knows its version id is as good a proof.
            if self.ledger.states(version.in_bucket(source)):
                return source
        if seen:
            raise Unsourced(version.bucket)
        return None

    def of_gone(self, version: ObjectVersion) -> str | None:
        """The same of a version that its bucket does not have any more. NotYet when nobody knows
        it so far."""
        is_source = version.bucket in self.histories
        for source in self.sources(version):
            there = self.objects.head(version.in_bucket(source))
            if there and is_original(there, is_source):
                return source
            if there is None and self.ledger.states(version.in_bucket(source)):
                return source
        if not is_source:
            raise NotYet("the version is gone from its bucket, and no source is known for it")
        return None


def is_original(there: Head, both_ways: bool) -> bool:
    """Whether what another bucket has is no replica itself. Of two buckets that replicate to each
    other, a marker does not show which of them it was made in."""
    return there.replication_status != REPLICA and not (both_ways and there.delete_marker)


def _is_older(here: Head, there: Head) -> bool:
    """Whether the marker was here first. Undecided when nobody can tell."""
    first, second = (str(one.last_modified or "")[:_A_SECOND] for one in (here, there))
    if first == second or not first or not second:
        raise Undecided(f"both buckets have the marker since {first or 'some time'}")
    return first < second
