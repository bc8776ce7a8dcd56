"""What the core asks of the world. The adapters answer; the tests answer in memory."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from replication.configuration import History
from replication.errors import NotYet, Rejected
from replication.facts import Fact, ObjectVersion
from replication.fold import State
from replication.times import Instant


@dataclass(frozen=True, slots=True)
class Claim:
    """A fact to write. `must_exist`: only if its version is known at its destination, because
    nothing but the shared version id says that this is a replica of that source."""

    fact: Fact
    must_exist: bool = False


class Written(Enum):
    """What became of an item."""

    WRITTEN = "written"
    KNOWN = "known"
    """Every fact was there already, or is older than all that the item still tells apart."""
    MISSING = "missing"
    """Nothing is known of the item and every claim on it said `must_exist`."""


ItemKey = tuple[ObjectVersion, str]
"""An object version and a destination bucket."""


class Ledger(Protocol):
    """The one place facts are kept."""

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        """Writes every claim; one item's trouble is told for that item and stops no other."""
        ...

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        """What is known of the version at each of its destinations, by name; an empty name is a
        version no rule took. Unavailable when it cannot be read."""
        ...


@dataclass(frozen=True, slots=True)
class Head:
    """What HeadObject says of a version. A delete marker has no readable status: S3 answers 405 to
    its version id, and to nothing else, so that answer proves that it is there.

    `last_modified` is that of the source, of replicas and markers too: it never tells when a
    replica arrived. `tag_count` None is unknown: S3 leaves it out of versions without tags and
    where tags may not be read. `unreadable`: the version is there, and S3 shows nothing of it
    without its key (SSE-C).
    """

    replication_status: str | None
    delete_marker: bool
    last_modified: Instant | None
    tag_count: int | None = None
    unreadable: bool = False


class Objects(Protocol):
    """Reads of single object versions. Denied when S3 refuses, Unavailable when it throttles."""

    def head(self, version: ObjectVersion) -> Head | None:
        """None: the bucket does not have this version."""
        ...

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        """None: the bucket does not have this version (any more)."""
        ...


class Histories(Protocol):
    """The replication configurations of the tracked source buckets."""

    def histories(self) -> Mapping[str, History]: ...

    def unknown(self) -> Mapping[str, str]:
        """Buckets of which no rules are known, with the reason."""
        ...

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        """Read anew at the next question; `changed_at`: S3 was told of a change at that time."""
        ...

    def reread(self, bucket: str) -> History | None:
        """The rules as S3 has them now; what was known if it does not answer."""
        ...

    def note_destination(self, bucket: str, destination: str) -> None:
        """S3 spoke of a destination that no known rule names."""
        ...

    def note_audit(self, bucket: str, destination: str) -> None:
        """Replicas of a route may lack their tags, which no event tells: all are to be audited."""
        ...

    def note_replicas(self, version: ObjectVersion) -> None:
        """A version of a source bucket is a replica of a bucket nobody tracks."""
        ...


class Heard(Protocol):
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
