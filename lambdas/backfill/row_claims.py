"""Rows of inventories and batch reports as claims. Pure.

The status of a source version covers all its destinations, so a row does not always say which
destination it is about. A status is claimed for a destination only when it is certain:

    COMPLETED           for every destination of the rules of its time, because S3 says COMPLETED
                        only of all; or for the only destination of any rule
    PENDING, FAILED     for the only destination of any rule
    any, otherwise      for the version and no destination; each destination gets a NOTED fact, and
                        HEAD decides
    a failed task       FAILED for the only destination of the rules in force, unless its code says
                        that the job did not try to replicate the object
    a succeeded task    a NOTED fact: the status of an object after a job is not documented, so HEAD
                        decides
    a delete marker     nothing: HEAD finds out who has it
    a replica           nothing for its own bucket; HEAD finds its source

It is in doubt (`RuleHistory.in_doubt`) which rules a version met when it is older than the first
rules the tracker read, or was written about the time of a change: rules do not replicate existing
objects, and a status may be of a rule that was removed. HEAD decides for each of those. Only its
tags show whether a rule with a tag filter took an object.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from replication.head.port import Head
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim
from replication.published.backfill import Outcome
from replication.s3.deliveries import Delivery, Listed, Row, Task
from replication.s3.destinations import certain_whatever_its_tags
from replication.s3.evidence import Evidence
from replication.s3.failure_reasons import ALREADY_REPLICATED
from replication.s3.rule_history import RuleHistory
from replication.s3.rules import Configuration
from replication.s3.status import REPLICA, Status

NEVER_TRIED = frozenset(
    {
        ALREADY_REPLICATED,
        "DstBucketInvalidRegion",
        "InitiateReplicationNotPermitted",
        "SrcBucketInvalidRegion",
        "SrcBucketNotFound",
        "SrcBucketReplicationConfigMissing",
        "SrcKeyNotFound",
        "SrcObjectNotEligible",
        "SrcObjectNotFound",
        "SrcVersionNotFound",
    }
)
"""Codes of failed tasks that are about the job or the source, and no destination."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a row leaves open, so that HEAD is needed.

    possible        destinations that may have the version, besides those in the ledger
    here            what the row says of a version that may be a replica
    unsourced       the claim to make when no tracked bucket has its source
    unless_known    no HEAD when the ledger already has a destination of the version
    unless          no HEAD when the destinations in the ledger add up to this status
    """

    possible: tuple[str, ...] | None = None
    here: Head | None = None
    unsourced: Claim | None = None
    unless_known: bool = False
    unless: Status | None = None


@dataclass(frozen=True, slots=True)
class Found:
    """The result of a row.

    outcome     what became of it
    claims      what to write
    question    what HEAD has to decide; None: nothing
    """

    outcome: Outcome
    claims: tuple[Claim, ...] = ()
    question: Question | None = None


@dataclass(frozen=True, slots=True)
class RowClaims:
    """Makes claims of the rows of one delivery about one bucket.

    delivery            the delivery
    run                 id of the run that reads it
    history             the bucket's rules; None when it is no source
    is_destination      whether the bucket may hold replicas
    record_ineligible   whether versions that no rule takes are recorded
    """

    delivery: Delivery
    run: str
    history: RuleHistory | None
    is_destination: bool = False
    record_ineligible: bool = False

    @property
    def quiet(self) -> bool:
        """Whether the delivery is old news: an inventory lists what exists, a report what a job has
        just done."""
        return self.delivery.evidence is Evidence.INVENTORY

    def found(self, row: Row) -> Found:
        match row:
            case Listed():
                return self._listed(row)
            case Task():
                return self._task(row)

    def _listed(self, row: Listed) -> Found:
        if row.replica:
            return Found(Outcome.REPLICA, question=self._replica_question(row))
        if row.delete_marker and row.status is None:
            return self._marker(row)
        if self.history is None:
            return Found(Outcome.NO_STATUS if row.status is None else Outcome.NO_RULE)
        if row.status is None:
            return Found(Outcome.NO_STATUS, tuple(self._ineligible(row)))
        possible = self.history.candidates(row.version.key)
        # The destination may be unknown, but the status of the version is not.
        by_itself = Claim(self._row_fact(row, Kind.OBSERVED, "", None))
        if not possible:
            return Found(Outcome.NO_RULE, (by_itself,))
        in_doubt = self.history.in_doubt(row.last_modified, self.delivery.at)
        own = self._own(self.history, row).intersection(possible)
        if not in_doubt and len(possible) == 1:
            return self._certain(row, row.status, possible, possible)
        if not in_doubt and row.status is Status.COMPLETED and own:
            return self._certain(row, row.status, possible, own)
        # A note must not make a destination of a bucket that only a tag or a rule of another time
        # could have sent it to, unless no destination is certain.
        notes = (
            Claim(
                self._row_fact(row, Kind.NOTED, name, rule_id),
                must_exist=bool(own) and name not in own,
            )
            for name, rule_id in possible.items()
        )
        # Where no rule of its time takes it for certain, a tag did, or a job by later rules.
        unsure = in_doubt or not own
        question = Question(tuple(possible) if unsure else None, unless=row.status)
        return Found(Outcome.AMBIGUOUS, (by_itself, *notes), question)

    def _replica_question(self, row: Listed) -> Question | None:
        """The search for its source; None when the bucket takes no replicas of tracked buckets."""
        if not self.is_destination:
            return None
        here = Head(REPLICA if row.replica else None, bool(row.delete_marker), row.last_modified)
        copy = replace(row, status=Status.COMPLETED)
        seen = replace(self._row_fact(copy, Kind.OBSERVED, row.version.bucket, None), present=True)
        return Question(here=here, unsourced=Claim(seen))

    def _marker(self, row: Listed) -> Found:
        """An inventory does not say whether a rule took a marker, and lifecycle rules make markers
        that are never replicated. So only HEAD on the destinations counts."""
        possible = (
            self.history.candidates(row.version.key, delete_marker=True) if self.history else {}
        )
        whose = self._replica_question(row)
        if not possible and whose is None:
            return Found(Outcome.NO_STATUS, tuple(self._ineligible(row)))
        question = replace(whose or Question(), possible=tuple(possible), unless_known=True)
        return Found(Outcome.DELETE_MARKER, question=question)

    def _certain(
        self, row: Listed, status: Status, rules: Mapping[str, str | None], names: Iterable[str]
    ) -> Found:
        claims = tuple(
            Claim(self._row_fact(row, Kind.OBSERVED, name, rules[name])) for name in sorted(names)
        )
        return Found(Outcome(status.lower()), claims)

    def _own(self, history: RuleHistory, row: Listed) -> set[str]:
        """Destinations of the rules of the version's time, whatever its tags are."""
        at = row.last_modified or self.delivery.at
        return _whatever_its_tags(
            history.at(at), row.version.key, delete_marker=bool(row.delete_marker)
        )

    def _row_fact(self, row: Listed, kind: Kind, destination: str, rule_id: str | None) -> Fact:
        observed = kind is Kind.OBSERVED
        return Fact(
            kind=kind,
            version=row.version,
            destination=destination,
            # A version that was written during the scan was listed after it was written.
            at=max(self.delivery.at, row.last_modified or self.delivery.at),
            evidence=Evidence.INVENTORY,
            id=f"inventory:{self.run}:{row.status}",
            rule_id=rule_id,
            requested_at=row.last_modified,
            size=row.size,
            etag=row.etag,
            status=row.status if observed else None,
            delete_marker=row.delete_marker or None,
            detail=None if observed and destination else f"{row.status}, a list does not say where",
            quiet=True,
        )

    def _ineligible(self, row: Listed) -> Iterable[Claim]:
        if self.record_ineligible and row.last_modified:
            yield Claim(
                Fact(
                    kind=Kind.INELIGIBLE,
                    version=row.version,
                    destination="",
                    at=row.last_modified,
                    evidence=Evidence.INVENTORY,
                    id=f"inventory:{self.run}:none",
                    size=row.size,
                    etag=row.etag,
                    delete_marker=row.delete_marker or None,
                    detail="no replication status in the inventory",
                    quiet=True,
                )
            )

    def _task(self, row: Task) -> Found:
        if self.history is None:
            return Found(Outcome.NO_RULE)
        key, rules = row.version.key, self.history.at(self.delivery.at)
        own = _whatever_its_tags(rules, key, delete_marker=False)
        possible = sorted(
            {
                rule.destination
                for rule in rules.rules
                if rule.enabled and key.startswith(rule.prefix)
            }
        )
        if not possible:
            return Found(Outcome.NO_RULE)
        tried = not row.succeeded and row.code not in NEVER_TRIED
        if tried and len(possible) == 1:
            return Found(Outcome.FAILED, (Claim(self._task_fact(row, possible[0], Kind.FAILED)),))
        claims = tuple(
            Claim(self._task_fact(row, name, Kind.NOTED), must_exist=name not in own)
            for name in possible
        )
        if row.succeeded:
            return Found(Outcome.TASK_SUCCEEDED, claims, Question())
        if tried:
            return Found(Outcome.AMBIGUOUS, claims, Question())
        return Found(Outcome.TASK_NOT_TRIED, claims)

    def _task_fact(self, row: Task, destination: str, kind: Kind) -> Fact:
        result = "succeeded" if row.succeeded else "failed"
        detail = f"Batch Replication task {result}"
        if row.code:
            detail += f": {row.code}"
        return Fact(
            kind=kind,
            version=row.version,
            destination=destination,
            at=self.delivery.at,
            evidence=Evidence.BATCH_REPORT,
            id=f"batch-report:{self.run}:{result}",
            failure_code=row.code if kind is Kind.FAILED else None,
            detail=detail,
        )


def _whatever_its_tags(configuration: Configuration, key: str, *, delete_marker: bool) -> set[str]:
    found = certain_whatever_its_tags(configuration, key, delete_marker=delete_marker)
    return {target.destination for target in found}
