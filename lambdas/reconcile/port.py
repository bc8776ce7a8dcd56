"""What the reconciler needs besides the ledger and S3. `aws.table` answers, or memory in tests."""

from collections.abc import Sequence
from typing import Protocol

from replication.errors import Denied
from replication.ledger.index import Position, Route
from replication.ledger.item import LedgerItem
from replication.ledger.schedule import Window
from replication.s3.status import Status
from replication.times import Instant


class Index(Protocol):
    """The ledger's index, oldest first."""

    def oldest(self, route: Route, status: Status | None) -> LedgerItem | None: ...

    def page(
        self, window: Window, limit: int
    ) -> tuple[Sequence[tuple[Position, LedgerItem]], Position | None]:
        """Rows of the window, and where it continues; None at its end."""
        ...


class Findings(Protocol):
    """Keeps refusals of S3, which the API shows to the operator."""

    def note(self, denied: Denied, now: Instant) -> None: ...


class Learnt(Protocol):
    """Keeps what HEAD on versions shows about their buckets."""

    def note_replicas(self, bucket: str, prefix: str) -> None: ...

    def note_audit(self, bucket: str, destination: str) -> None: ...
