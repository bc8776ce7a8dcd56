"""Messages of the ingest queue, and the ports around them that the recorder calls."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from replication.errors import Rejected
from replication.times import Instant


class IngestFrontier(Protocol):
    """The time up to which every message of the ingest queue has been recorded."""

    def advance(self, sent: Instant) -> None:
        """A refresh message that was sent at that time has been processed."""
        ...

    def give_back(self, messages: Sequence["Message"]) -> None:
        """These messages go back to the queue, so they are not recorded yet."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the ingest queue."""

    id: str
    body: str
    sent: Instant
    """SQS's SentTimestamp."""
    receives: int = 1
    """SQS's ApproximateReceiveCount, this time included."""


class DeadLetters(Protocol):
    """The dead-letter queue, for messages that no retry can help."""

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> Iterable[str]:
        """Sends them; returns the ids of those that SQS accepted."""
        ...
