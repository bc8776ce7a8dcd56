"""Rows of a delivery into the ledger, a batch at a time: read, attributed, written, counted."""

import logging
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from replication.deliveries import Row
from replication.errors import NotYet, Rejected
from replication.existing import Attribution, Outcome
from replication.ports import Claim, Ledger
from replication.progress import MOST_NAMED

log = logging.getLogger(__name__)

_LOGGED_ROWS = 20
"""Broken rows of one batch that are logged by name; all are counted."""

Reader = Callable[[bytes], Row]
"""One line as what it says; it raises Rejected for a row that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of some rows, and the names of those that broke."""

    counts: Counter[str]
    broken: tuple[str, ...]


class Rows:
    """Rows of one delivery into the ledger. `attribution` makes one for a source bucket."""

    def __init__(
        self, read: Reader, attribution: Callable[[str], Attribution], ledger: Ledger
    ) -> None:
        self._read = read
        self._attribution = attribution
        self._ledger = ledger
        self._known: dict[str, Attribution] = {}

    def write(self, lines: Sequence[bytes], before: int) -> Written:
        """Writes what `lines` say; `before` is how many came before them. NotYet when the ledger
        does not take everything now: nothing may be counted then, and all of it come again."""
        counts: Counter[str] = Counter()
        broken: list[str] = []
        claims: list[Claim] = []
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
        for (version, name), result in self._ledger.write(claims).items():
            if isinstance(result, NotYet):
                raise result
            if isinstance(result, Rejected):
                counts[Outcome.REFUSED] += 1
                broken.append(f"{version.key} {version.version_id} at {name}: {result}")
        for text in broken[:_LOGGED_ROWS]:
            log.warning("%s", text)
        return Written(counts, tuple(broken[:MOST_NAMED]))

    def _of(self, bucket: str) -> Attribution:
        if bucket not in self._known:
            self._known[bucket] = self._attribution(bucket)
        return self._known[bucket]
