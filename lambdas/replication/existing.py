"""Facts out of what S3 writes down about objects it already holds. Pure.

A source's header is an aggregate of all its destinations, so a row alone does not always say which
destination it speaks of. What a row says of a destination is claimed only where it must be so:

    COMPLETED           everywhere the rules of its time sent it, for S3 says COMPLETED of all or
                        none; or at the only destination any rule could have sent it to
    PENDING, FAILED     at the only destination any rule could have sent it to
    any of them, else   nothing is claimed: a NOTED fact says what the row said, and S3 is asked
    a task that failed  FAILED at the only destination of the rules in force, unless its code says
                        that the job never came to replicate the object
    one that succeeded  a NOTED fact: Amazon does not say which status an object has after a job,
                        so S3 is asked

The rules of a version's time are those of `History.at`: for a version older than the tracker, the
first ones it saw. Whether a rule with a tag filter took an object, only its tags could tell.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from replication.attribution import ALREADY_REPLICATED
from replication.configuration import History
from replication.deliveries import Delivery, Listed, Row, Task
from replication.eligibility import Configuration, TagsNeeded, targets
from replication.facts import Evidence, Fact, Kind
from replication.ports import Claim
from replication.status import Status

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
"""Codes of failed tasks that speak of the job or the source, and of no destination."""


class Outcome(StrEnum):
    """What became of a row; the names of a run's counts."""

    COMPLETED = "completed"
    PENDING = "pending"
    FAILED = "failed"
    AMBIGUOUS = "ambiguous"
    """Several destinations are possible; S3 was asked about each."""
    NO_RULE = "no_rule"
    """It has a status, and no rule the tracker knows could have sent it anywhere."""
    NO_STATUS = "no_status"
    """Not eligible, or written before the rules. Recorded only when settings ask for it."""
    REPLICA = "replica"
    """A copy that another bucket's version was replicated to: no source version."""
    TASK_SUCCEEDED = "task_succeeded"
    TASK_NOT_TRIED = "task_not_tried"
    BROKEN = "broken"
    """The row could not be understood."""
    REFUSED = "refused"
    """Items the ledger cannot hold; their rows are counted by what they said as well."""
    NOT_LOOKED_AT = "not_looked_at"
    """Versions S3 denied a look at, so that something of them stays unknown; counted as well."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a row came to."""

    outcome: Outcome
    claims: tuple[Claim, ...] = ()


class Attribution:
    """Rows of one delivery about one source bucket; `run` is the id of the run that reads it."""

    def __init__(
        self, delivery: Delivery, run: str, history: History, *, record_ineligible: bool = False
    ) -> None:
        self._delivery = delivery
        self._run = run
        self._history = history
        self._record_ineligible = record_ineligible
        rules = {rule for revision in history.revisions for rule in revision.configuration.rules}
        self._ever = tuple((rule.prefix, rule.destination, rule.id) for rule in rules)

    def found(self, row: Row) -> Found:
        match row:
            case Listed():
                return self._listed(row)
            case Task():
                return self._task(row)

    def _listed(self, row: Listed) -> Found:
        if row.replica:
            return Found(Outcome.REPLICA)
        if row.status is None:
            return Found(Outcome.NO_STATUS, tuple(self._ineligible(row)))
        possible = self._possible(row)
        if not possible:
            return Found(Outcome.NO_RULE)
        if len(possible) == 1:
            return self._certain(row, row.status, possible, possible)
        own = self._own(row).intersection(possible)
        if row.status is Status.COMPLETED and own:
            return self._certain(row, row.status, possible, own)
        # Where only a tag or a rule of another time could have sent it, a note must not make a
        # destination of a bucket that is none; unless nothing surer is known.
        claims = tuple(
            Claim(
                self._seen(row, Kind.NOTED, name, rule_id),
                must_exist=bool(own) and name not in own,
            )
            for name, rule_id in possible.items()
        )
        return Found(Outcome.AMBIGUOUS, claims)

    def _certain(
        self, row: Listed, status: Status, rules: Mapping[str, str | None], names: Iterable[str]
    ) -> Found:
        claims = tuple(
            Claim(self._seen(row, Kind.OBSERVED, name, rules[name])) for name in sorted(names)
        )
        return Found(Outcome(status.lower()), claims)

    def _possible(self, row: Listed) -> dict[str, str | None]:
        """Destinations any rule the bucket ever had could have sent the key to, by name, with the
        id of the rule where there is but one."""
        found: dict[str, str | None] = {}
        for prefix, destination, rule_id in self._ever:
            if row.version.key.startswith(prefix):
                known = found.get(destination, rule_id)
                found[destination] = rule_id if known == rule_id else None
        return dict(sorted(found.items()))

    def _own(self, row: Listed) -> set[str]:
        """Destinations that the rules of the version's time sent it to, whatever its tags."""
        at = row.last_modified or self._delivery.at
        return _whatever_its_tags(
            self._history.at(at), row.version.key, delete_marker=bool(row.delete_marker)
        )

    def _seen(self, row: Listed, kind: Kind, destination: str, rule_id: str | None) -> Fact:
        observed = kind is Kind.OBSERVED
        return Fact(
            kind=kind,
            version=row.version,
            destination=destination,
            # A version written while the scan went on was seen after it was written.
            at=max(self._delivery.at, row.last_modified or self._delivery.at),
            evidence=Evidence.INVENTORY,
            id=f"inventory:{self._run}:{row.status}",
            rule_id=rule_id,
            requested_at=row.last_modified,
            size=row.size,
            etag=row.etag,
            status=row.status if observed else None,
            delete_marker=row.delete_marker or None,
            detail=None if observed else f"{row.status}, of one or more of several destinations",
        )

    def _ineligible(self, row: Listed) -> Iterable[Claim]:
        if self._record_ineligible and row.last_modified:
            yield Claim(
                Fact(
                    kind=Kind.INELIGIBLE,
                    version=row.version,
                    destination="",
                    at=row.last_modified,
                    evidence=Evidence.INVENTORY,
                    id=f"inventory:{self._run}:none",
                    size=row.size,
                    etag=row.etag,
                    delete_marker=row.delete_marker or None,
                    detail="no replication status in the inventory",
                )
            )

    def _task(self, row: Task) -> Found:
        key, rules = row.version.key, self._history.at(self._delivery.at)
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
            return Found(Outcome.FAILED, (Claim(self._told(row, possible[0], Kind.FAILED)),))
        claims = tuple(
            Claim(self._told(row, name, Kind.NOTED), must_exist=name not in own)
            for name in possible
        )
        if row.succeeded:
            return Found(Outcome.TASK_SUCCEEDED, claims)
        return Found(Outcome.AMBIGUOUS if tried else Outcome.TASK_NOT_TRIED, claims)

    def _told(self, row: Task, destination: str, kind: Kind) -> Fact:
        result = "succeeded" if row.succeeded else "failed"
        detail = f"Batch Replication task {result}"
        if row.code:
            detail += f": {row.code}"
        return Fact(
            kind=kind,
            version=row.version,
            destination=destination,
            at=self._delivery.at,
            evidence=Evidence.BATCH_REPORT,
            id=f"batch-report:{self._run}:{result}",
            failure_code=row.code if kind is Kind.FAILED else None,
            detail=detail,
        )


def _whatever_its_tags(configuration: Configuration, key: str, *, delete_marker: bool) -> set[str]:
    try:
        found = targets(configuration, key, delete_marker=delete_marker)
    except TagsNeeded:
        plain = tuple(rule for rule in configuration.rules if not rule.tags)
        found = targets(Configuration(plain), key, delete_marker=delete_marker)
    return {target.destination for target in found}
