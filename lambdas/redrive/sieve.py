"""Which FAILED versions a job can replicate, and why the others are left out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from redrive.port import Items
from replication.errors import Denied
from replication.head.port import Head, Objects
from replication.ledger.item import LedgerItem
from replication.published.redrive import Selection
from replication.s3.evidence import Evidence
from replication.s3.rules import Configuration
from replication.s3.status import Status
from replication.s3.version import ObjectVersion
from replication.threads import concurrently


@dataclass(frozen=True, slots=True)
class Sifted:
    """A version that FAILED. `left_out` is the reason why no job can replicate it; None: one can,
    to `destinations`."""

    version: ObjectVersion
    size: int | None
    destinations: tuple[str, ...] = ()
    left_out: str | None = None


@dataclass(frozen=True, slots=True)
class Sieve:
    """Sifts the versions of one source bucket.

    objects     HEAD of source versions
    items       the ledger's items of a version
    rules       the bucket's rules of now: S3 replicates by them to all their destinations
    locks       whether a destination has Object Lock; None: not known
    selection   what the redrive is about
    most_attempts   leaves out versions that were in so many jobs before; None: none
    leaves_out      why no version of the bucket can be in a job; None: they can
    """

    objects: Objects
    items: Items
    rules: Configuration
    locks: Mapping[str, bool | None]
    selection: Selection
    most_attempts: int | None = None
    leaves_out: str | None = None

    def sift(self, rows: Sequence[LedgerItem], before: Sequence[str]) -> list[Sifted]:
        """The versions of a page of the list of one destination. Those that are in the list of a
        destination `before` as well are not repeated."""
        found = concurrently(lambda row: self._one(row, before), rows)
        return [one for one in found if one is not None]

    def _one(self, row: LedgerItem, before: Sequence[str]) -> Sifted | None:
        version, size = row.version, row.record.state.size
        if before and any(map(self._is_listed, self._at(version, before))):
            return None
        destinations = possible_destinations(self.rules, version.key)
        reason = self._reason(version, destinations)
        return Sifted(version, size, () if reason else destinations, reason)

    def _at(self, version: ObjectVersion, names: Sequence[str]) -> list[LedgerItem]:
        return [one for one in self.items.version(version) if one.destination in names]

    def _is_listed(self, item: LedgerItem) -> bool:
        state, wanted = item.record.state, self.selection
        return (
            state.status is Status.FAILED
            and wanted.rule_id in (None, state.rule_id)
            and wanted.code in (None, state.failure_code)
            and (state.since is None or not wanted.since or state.since >= wanted.since)
            and (state.since is None or not wanted.until or state.since < wanted.until)
        )

    def _reason(self, version: ObjectVersion, destinations: Sequence[str]) -> str | None:
        if self.leaves_out is not None:
            return self.leaves_out
        if not destinations:
            return "no_rule"
        if self.most_attempts is not None and self._attempts(version) >= self.most_attempts:
            return "attempts"
        try:
            head = self.objects.head(version)
        except Denied:
            # What may not be read is no reason to leave it out: S3 replicates with its own role.
            return None
        if head is None:
            return "gone"
        return self._by_head(head, destinations)

    def _attempts(self, version: ObjectVersion) -> int:
        """In how many reports of jobs the version was."""
        return max(
            (
                sum(fact.evidence is Evidence.BATCH_REPORT for fact in one.record.facts)
                for one in self.items.version(version)
            ),
            default=0,
        )

    def _by_head(self, head: Head, destinations: Sequence[str]) -> str | None:
        if head.delete_marker:
            return "delete_marker"
        if head.archived:
            return "archived"
        if head.replication_status == Status.COMPLETED:
            return "replicated"
        if head.locked and all(self.locks.get(name) is False for name in destinations):
            return "locked"
        return None


def possible_destinations(rules: Configuration, key: str) -> tuple[str, ...]:
    """Every destination that the rules may replicate the key to, by name. Whether the tags match a
    rule with a tag filter is S3's to decide."""
    found = {rule.destination for rule in rules.rules if rule.enabled and rule.may_take(key)}
    return tuple(sorted(found))
