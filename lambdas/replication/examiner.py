"""What S3 itself says of a version, as facts. HEAD answers are the last word on what no event told.

The source's header is an aggregate: COMPLETED speaks of every destination, anything else of one
destination only when there is one. Otherwise each destination is asked whether it has the version.

    source gone (404)            the version has ended, at every destination
    no header                    no rule replicates it (any more)
    COMPLETED                    every destination has it
    PENDING, FAILED              one destination: that; several: whoever holds it has it, the
                                 others are what the header says
    FAILED, and everybody has it the replica that differs in its tags is the failed one (S3 may not
                                 read the source's tags or write the destination's: it says
                                 FAILED, sends no event, and leaves a replica without tags)
"""

from collections.abc import Mapping
from dataclasses import dataclass

from replication.facts import Evidence, Fact, Kind, ObjectVersion
from replication.fold import State
from replication.ports import Head, Objects
from replication.status import REPLICA, Status
from replication.times import Instant

SEVERAL_MAY_HAVE_FAILED = "S3 says that at least one destination failed, and not which"
WITHOUT_ITS_TAGS = "the replica is there, but S3 reports FAILED: its tags or metadata are missing"
NO_RULE = "S3 shows no replication status: no rule replicates the version"


@dataclass(frozen=True, slots=True)
class Examiner:
    """Looks at versions. `audit` also asks destinations that are said to have a replica."""

    objects: Objects
    audit: bool = False

    def examine(
        self, version: ObjectVersion, known: Mapping[str, State], now: Instant
    ) -> list[Fact]:
        """Facts about every destination in `known`. Denied or Unavailable when S3 does not say."""
        names = sorted(name for name in known if name)
        head = self.objects.head(version)
        if head is None:
            return [_fact(Kind.DELETED, version, name, now) for name in names]
        if head.delete_marker:
            return self._marker(version, names, now)
        facts = self._by_header(version, head, names, known, now)
        return facts + (self._lost(version, known, facts, now) if self.audit else [])

    def _by_header(
        self,
        version: ObjectVersion,
        head: Head,
        names: list[str],
        known: Mapping[str, State],
        now: Instant,
    ) -> list[Fact]:
        status = head.replication_status
        if status in (None, REPLICA):
            return [_observed(version, name, None, now, NO_RULE) for name in names]
        said = Status(str(status))
        if said is Status.COMPLETED or (len(names) == 1 and said is Status.PENDING):
            return [_observed(version, name, said, now) for name in names]
        heads = {name: self.objects.head(_at(version, name)) for name in names}
        if said is Status.FAILED:
            return _failed(version, head, heads, known, now)
        return [
            _observed(
                version,
                name,
                Status.COMPLETED if there else Status.PENDING,
                now,
                evidence=Evidence.HEAD_DESTINATION,
            )
            for name, there in heads.items()
            # S3 does not say whether one failure shows while another destination is pending, so
            # a failure that an event told is not taken back by the aggregate.
            if there or known[name].status is not Status.FAILED
        ]

    def _marker(self, version: ObjectVersion, names: list[str], now: Instant) -> list[Fact]:
        return [
            _observed(
                version,
                name,
                Status.COMPLETED if self.objects.head(_at(version, name)) else Status.PENDING,
                now,
                evidence=Evidence.HEAD_DESTINATION,
            )
            for name in names
        ]

    def _lost(
        self,
        version: ObjectVersion,
        known: Mapping[str, State],
        facts: list[Fact],
        now: Instant,
    ) -> list[Fact]:
        """Replicas that S3 calls replicated and the destination does not have (any more)."""
        completed = [fact.destination for fact in facts if fact.status is Status.COMPLETED]
        return [
            _fact(Kind.REPLICA_DELETED, version, name, now, Evidence.HEAD_DESTINATION)
            for name in completed
            if not known[name].lost_at and self.objects.head(_at(version, name)) is None
        ]


def _failed(
    version: ObjectVersion,
    head: Head,
    heads: Mapping[str, Head | None],
    known: Mapping[str, State],
    now: Instant,
) -> list[Fact]:
    """Who failed, when the source says that somebody did."""
    missing = [name for name, there in heads.items() if there is None]
    if not missing:
        differing = [n for n, there in heads.items() if there and there.tag_count != head.tag_count]
        culprits = differing or list(heads)
        reason: str | None = WITHOUT_ITS_TAGS
    else:
        told = [name for name in missing if known[name].status is Status.FAILED]
        culprits = told or missing
        reason = None if len(culprits) == 1 or told else SEVERAL_MAY_HAVE_FAILED
    return [
        _observed(version, name, Status.FAILED, now, reason)
        if name in culprits
        else _observed(
            version,
            name,
            Status.COMPLETED if there else Status.PENDING,
            now,
            evidence=Evidence.HEAD_DESTINATION,
        )
        for name, there in heads.items()
    ]


def _at(version: ObjectVersion, destination: str) -> ObjectVersion:
    """A replica keeps the key and the version id of its source."""
    return ObjectVersion(destination, version.key, version.version_id)


def _observed(
    version: ObjectVersion,
    destination: str,
    status: Status | None,
    now: Instant,
    detail: str | None = None,
    evidence: Evidence = Evidence.HEAD_SOURCE,
) -> Fact:
    return _fact(Kind.OBSERVED, version, destination, now, evidence, status, detail)


def _fact(
    kind: Kind,
    version: ObjectVersion,
    destination: str,
    now: Instant,
    evidence: Evidence = Evidence.HEAD_SOURCE,
    status: Status | None = None,
    detail: str | None = None,
) -> Fact:
    """HEAD has no event id of its own; the moment of looking is one."""
    return Fact(
        kind=kind,
        version=version,
        destination=destination,
        at=now,
        evidence=evidence,
        id=f"head:{now}",
        status=status,
        detail=detail,
    )
