"""Rows of a delivery into the ledger, a batch at a time: read, attributed, written, counted.

What a row leaves open is looked up at once, for nothing would look later: a version whose status is
unknown is in no list, so reconciliation does not come across it.
"""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from replication.deliveries import Row
from replication.errors import Denied, NotYet, Rejected
from replication.examiner import Examiner
from replication.existing import Attribution, Outcome
from replication.facts import Fact, ObjectVersion
from replication.ports import Claim, Ledger
from replication.progress import MOST_NAMED
from replication.times import Instant

log = logging.getLogger(__name__)

_LOGGED_ROWS = 20
"""Broken rows of one batch that are logged by name; all are counted."""

THREADS = 16
"""Looks wait for S3, they do not compute."""
_OPEN = (Outcome.AMBIGUOUS, Outcome.TASK_SUCCEEDED)

Reader = Callable[[bytes], Row]
"""One line as what it says; it raises Rejected for a row that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of some rows, and the names of those that broke."""

    counts: Counter[str]
    broken: tuple[str, ...]


class Rows:
    """Rows of one delivery into the ledger. `attribution` makes one for a source bucket, `now` is
    the wall clock."""

    def __init__(
        self,
        *,
        read: Reader,
        attribution: Callable[[str], Attribution],
        ledger: Ledger,
        examiner: Examiner,
        now: Callable[[], Instant],
    ) -> None:
        self._read = read
        self._attribution = attribution
        self._ledger = ledger
        self._examiner = examiner
        self._now = now
        self._known: dict[str, Attribution] = {}

    def write(self, lines: Sequence[bytes], before: int) -> Written:
        """Writes what `lines` say; `before` is how many came before them. NotYet when the ledger
        or S3 does not answer now: nothing may be counted then, and all of it come again."""
        counts: Counter[str] = Counter()
        broken: list[str] = []
        claims: list[Claim] = []
        unclear: dict[ObjectVersion, None] = {}
        for number, line in enumerate(lines, before + 1):
            if not line.strip():
                continue
            try:
                row = self._read(line)
                found = self._of(row.version.bucket).found(row)
            except Rejected as error:
                counts[Outcome.BROKEN] += 1
                broken.append(f"row {number}: {error}")
                continue
            counts[found.outcome] += 1
            claims += found.claims
            if found.outcome in _OPEN:
                unclear[row.version] = None
        refused = self._write(claims)
        denied = self._look(list(unclear)) if unclear else []
        counts += Counter(refused=len(refused), not_looked_at=len(denied))
        broken += refused + sorted(set(denied))
        for text in broken[:_LOGGED_ROWS]:
            log.warning("%s", text)
        return Written(+counts, tuple(broken[:MOST_NAMED]))

    def _write(self, claims: Sequence[Claim]) -> list[str]:
        """What the ledger refuses, by name."""
        refused = []
        for (version, name), result in self._ledger.write(claims).items():
            if isinstance(result, NotYet):
                raise result
            if isinstance(result, Rejected):
                refused.append(f"{version.key} {version.version_id} at {name}: {result}")
        return refused

    def _look(self, versions: Sequence[ObjectVersion]) -> list[str]:
        """Asks S3 about versions and writes its answers; why it may not, one for each denied."""
        now = self._now()
        with ThreadPoolExecutor(max_workers=min(THREADS, len(versions))) as pool:
            seen = list(pool.map(partial(self._examine, now), versions))
        self._write(
            [Claim(fact) for facts in seen if not isinstance(facts, Denied) for fact in facts]
        )
        return [str(one) for one in seen if isinstance(one, Denied)]

    def _examine(self, now: Instant, version: ObjectVersion) -> list[Fact] | Denied:
        try:
            return self._examiner.examine(version, self._ledger.states(version), now)
        except Denied as error:
            return error

    def _of(self, bucket: str) -> Attribution:
        if bucket not in self._known:
            self._known[bucket] = self._attribution(bucket)
        return self._known[bucket]
