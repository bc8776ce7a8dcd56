"""Messages of the ingest queue, and what the recorder asks of the queue around them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from replication.errors import Rejected
from replication.times import Instant


class IngestFrontier(Protocol):
    """How far the ingest queue was heard to its end."""

    def advance(self, sent: Instant) -> None:
        """A refresh message sent then was worked off."""
        ...

    def give_back(self, messages: Sequence["Message"]) -> None:
        """These come again, so what they say was not heard yet."""
        ...


@dataclass(frozen=True, slots=True)
class Message:
    """One message of the ingest queue; `sent` is when it was sent to it, `receives` how often it
    was received, this time included."""

    id: str
    body: str
    sent: Instant
    receives: int = 1


class DeadLetters(Protocol):
    """Where messages go that no retry can help."""

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> Iterable[str]:
        """The ids of the messages that are safely there."""
        ...
