"""Writes the rows of a delivery into the ledger, a batch at a time.

What a row leaves open is decided by HEAD at once: a version whose status is unknown is in no list,
so reconciliation does not find it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from backfill.row_claims import Found, Question, RowClaims
from replication.errors import Denied, NotYet, Rejected, Undecided, Unsourced
from replication.head.port import Head, Objects
from replication.head.reader import VersionReader, possible_destinations
from replication.head.replica_source import ReplicaSources
from replication.ledger.fact import Fact, Kind
from replication.ledger.port import Claim, Ledger
from replication.ledger.state import State
from replication.published.backfill import MOST_NAMED, Outcome
from replication.s3.deliveries import Row
from replication.s3.rule_history import RuleHistory
from replication.s3.status import aggregate
from replication.s3.version import ObjectVersion
from replication.threads import concurrently
from replication.times import Instant

log = logging.getLogger(__name__)

_LOGGED_ROWS = 20
"""The most broken rows of one batch that are logged; all are counted."""

THREADS = 16
"""They wait for S3 and do not compute."""

Unanswered = Denied | Unsourced | Undecided
_OUTCOMES = {
    Denied: Outcome.NOT_LOOKED_AT,
    Unsourced: Outcome.UNSOURCED,
    Undecided: Outcome.UNDECIDED,
}

Reader = Callable[[bytes], Row]
"""Reads one line; Rejected when it cannot be understood."""


@dataclass(frozen=True, slots=True)
class BatchResult:
    """The result of a batch of rows.

    counts      rows by `Outcome`
    broken      the rows that could not be understood or written, and why
    """

    counts: Counter[str]
    broken: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Writes the rows of one delivery into the ledger.

    read                reads one line of the delivery
    row_claims          makes the `RowClaims` of a bucket
    ledger, objects     where facts are written, and S3, which is read for what rows leave open
    histories           the rules of every source bucket, as far as they are known
    now                 the wall clock
    note                keeps a refusal of S3 for the operator
    note_destination    keeps a destination that no known rule of a bucket names
    """

    read: Reader
    row_claims: Callable[[str], RowClaims]
    ledger: Ledger
    objects: Objects
    histories: Mapping[str, RuleHistory]
    now: Callable[[], Instant]
    note: Callable[[Denied], None] = lambda _: None
    note_destination: Callable[[str, str], None] = lambda *_: None
    _of_bucket: dict[str, RowClaims] = field(default_factory=dict)

    def write(self, lines: Sequence[bytes], before: int) -> BatchResult:
        """Writes the rows of `lines`; `before` is the number of lines before them. NotYet when the
        ledger or S3 does not answer: then all of them have to come again, and none are counted."""
        counts: Counter[str] = Counter()
        broken: list[str] = []
        claims: list[Claim] = []
        unclear: dict[ObjectVersion, Found] = {}
        for number, line in enumerate(lines, before + 1):
            if not line.strip():
                continue
            try:
                row = self.read(line)
                found = self._of(row.version.bucket).found(row)
            except Rejected as error:
                counts[Outcome.BROKEN] += 1
                broken.append(f"row {number}: {error}")
                continue
            counts[found.outcome] += 1
            if found.question:
                before_it = unclear[row.version].claims if row.version in unclear else ()
                unclear[row.version] = replace(found, claims=(*before_it, *found.claims))
            else:
                claims += found.claims
        answers, unanswered = self._read_all(unclear) if unclear else ([], [])
        refused = self._write([*claims, *answers])
        counts += Counter(_OUTCOMES[type(one)] for one in unanswered)
        counts[Outcome.REFUSED] += len(refused)
        broken += refused + sorted({str(one) for one in unanswered})
        for text in broken[:_LOGGED_ROWS]:
            log.warning("%s", text)
        return BatchResult(+counts, tuple(broken[:MOST_NAMED]))

    def _write(self, claims: Sequence[Claim]) -> list[str]:
        """Writes the claims; returns what the ledger refuses, as text."""
        for bucket, name in sorted({(c.fact.version.bucket, c.fact.destination) for c in claims}):
            history = self.histories.get(bucket)
            if history and name not in ("", bucket, *history.destinations):
                self.note_destination(bucket, name)
        refused = []
        for (version, name), result in self.ledger.write(claims).items():
            if isinstance(result, NotYet):
                raise result
            if isinstance(result, Rejected):
                refused.append(f"{version.key} {version.version_id} at {name}: {result}")
        return refused

    def _read_all(
        self, unclear: Mapping[ObjectVersion, Found]
    ) -> tuple[list[Claim], list[Unanswered]]:
        """Reads what rows leave open: the claims to write, and why some versions stay unknown."""
        now = self.now()
        answers = concurrently(lambda one: self._facts(now, *one), unclear.items(), THREADS)
        claims: list[Claim] = []
        for found, answer in zip(unclear.values(), answers, strict=True):
            if answer is None:
                continue
            claims += map(_in_doubt, found.claims) if isinstance(answer, Denied) else found.claims
            if isinstance(answer, list):
                claims += map(Claim, answer)
            elif isinstance(answer, Unsourced) and found.question and found.question.unsourced:
                claims.append(found.question.unsourced)
        return claims, [one for one in answers if isinstance(one, Unanswered)]

    def _facts(
        self, now: Instant, version: ObjectVersion, found: Found
    ) -> list[Fact] | Unanswered | None:
        """The facts that HEAD gives about a version; None when its row is nothing new."""
        question = found.question or Question()
        try:
            known = dict(self.ledger.states(version))
            if _is_answered(question, known):
                return None
            if question.here:
                copy = self._as_replica(version, question.here, now)
                if copy is not None or version.bucket not in self.histories:
                    return copy or []
            # Claims of the row and facts of HEAD are written together.
            claimed = {one.fact.destination: State() for one in found.claims if not one.must_exist}
            return self._reader(version.bucket).read(
                version, claimed | known, now, question.possible, listed=question.unless
            )
        except (Denied, Unsourced, Undecided) as error:
            if isinstance(error, Denied):
                self.note(error)
            return error

    def _as_replica(self, version: ObjectVersion, here: Head, now: Instant) -> list[Fact] | None:
        """Facts about the source of a replica, none when the ledger has its arrival; None when the
        version is its bucket's own."""
        for source in self._sources().sources(version):
            state = self.ledger.states(version.in_bucket(source)).get(version.bucket)
            if state and state.arrived_at:
                return []
        origin = self._sources().of(version, here)
        if origin is None:
            return None
        original = version.in_bucket(origin)
        known = self.ledger.states(original)
        others = possible_destinations(self.histories[origin], original, known, now) or ()
        reader = self._reader(version.bucket)
        facts = reader.read(original, known, now, (*others, version.bucket))
        if any(one.destination == version.bucket for one in facts):
            return facts
        # A source that is a replica itself, or has no rule any more, shows nothing of its copies.
        copy = {version.bucket: known.get(version.bucket, State())}
        return facts + reader.replicas_left(original, copy, now)

    def _of(self, bucket: str) -> RowClaims:
        if bucket not in self._of_bucket:
            self._of_bucket[bucket] = self.row_claims(bucket)
        return self._of_bucket[bucket]

    def _sources(self) -> ReplicaSources:
        return ReplicaSources(self.histories, self.objects, self.ledger)

    def _reader(self, bucket: str) -> VersionReader:
        return VersionReader(self.objects, note=self.note, quiet=self._of(bucket).quiet)


def _in_doubt(claim: Claim) -> Claim:
    """S3 denied HEAD: where the row does not say, the version may be due, and reconciliation tries
    again."""
    if claim.fact.kind is not Kind.NOTED or claim.must_exist:
        return claim
    return replace(claim, fact=replace(claim.fact, in_doubt=True))


def _is_answered(question: Question, known: Mapping[str, State]) -> bool:
    """Whether the ledger knows enough; reconciliation reads every version in its lists."""
    if question.unless_known and any(known):
        return True
    states = [state for name, state in known.items() if name and not state.is_ruled_out]
    said = aggregate(state.status for state in states)
    return question.unless is not None and said is question.unless
