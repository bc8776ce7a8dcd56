"""The ports in memory. `MemoryLedger` is the fold itself, kept in a dictionary."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from replication.errors import Denied, NotYet, Rejected, Unavailable
from replication.head.port import Head
from replication.ledger.fold import fold
from replication.ledger.port import Claim, ItemKey, Written
from replication.ledger.state import Record, State
from replication.message import Message
from replication.s3.rule_history import Revision, RuleHistory
from replication.s3.rules import Configuration, Rule
from replication.s3.version import ObjectVersion
from replication.times import Instant


@dataclass
class MemoryLedger:
    records: dict[ItemKey, Record] = field(default_factory=dict)
    refuse: dict[ItemKey, NotYet | Rejected] = field(default_factory=dict)
    writes: int = 0

    def write(self, claims: Sequence[Claim]) -> Mapping[ItemKey, Written | NotYet | Rejected]:
        groups: dict[ItemKey, list[Claim]] = {}
        for claim in claims:
            groups.setdefault((claim.fact.version, claim.fact.destination), []).append(claim)
        return {key: self._write(key, group) for key, group in groups.items()}

    def _write(self, key: ItemKey, group: list[Claim]) -> Written | NotYet | Rejected:
        if key in self.refuse:
            return self.refuse[key]
        if key not in self.records and all(claim.must_exist for claim in group):
            return Written.MISSING
        before = self.records.get(key, Record())
        self.records[key] = fold((*before.facts, *(claim.fact for claim in group)))
        self.writes += 1
        return Written.KNOWN if self.records[key] == before else Written.WRITTEN

    def states(self, version: ObjectVersion) -> Mapping[str, State]:
        return {
            name: record.state
            for (known, name), record in sorted(self.records.items())
            if known == version
        }


@dataclass
class MemoryObjects:
    """S3 as a dictionary of what HeadObject and GetObjectTagging say."""

    heads: dict[ObjectVersion, Head] = field(default_factory=dict)
    tagging: dict[ObjectVersion, Mapping[str, str]] = field(default_factory=dict)
    fault: Exception | None = None
    asked: list[str] = field(default_factory=list)
    silent: set[ObjectVersion] = field(default_factory=set)
    """Versions that S3 does not answer for."""
    denied: set[str] = field(default_factory=set)
    """Buckets that refuse HEAD."""
    tags_denied: set[str] = field(default_factory=set)
    """Buckets that refuse to show tags."""

    def head(self, version: ObjectVersion) -> Head | None:
        self.asked.append(f"head {version.bucket}")
        if self.fault:
            raise self.fault
        if version in self.silent:
            raise Unavailable("S3 answered SlowDown")
        if version.bucket in self.denied:
            raise Denied("s3:GetObjectVersion", version.bucket)
        return self.heads.get(version)

    def tags(self, version: ObjectVersion) -> Mapping[str, str] | None:
        self.asked.append(f"tags {version.bucket}")
        if self.fault:
            raise self.fault
        if version.bucket in self.tags_denied:
            raise Denied("s3:GetObjectVersionTagging", version.bucket)
        return self.tagging.get(version)


@dataclass
class MemoryHistories:
    known: dict[str, RuleHistory]
    not_known: dict[str, str] = field(default_factory=dict)
    forgotten: list[tuple[str | None, Instant | None]] = field(default_factory=list)
    rereads: dict[str, RuleHistory] = field(default_factory=dict)
    """What a second read of the rules shows."""
    learnt: list[tuple[str, ...]] = field(default_factory=list)

    def histories(self) -> Mapping[str, RuleHistory]:
        return self.known

    def unknown(self) -> Mapping[str, str]:
        return self.not_known

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        self.forgotten.append((bucket, changed_at))

    def reread(self, bucket: str) -> RuleHistory | None:
        return self.rereads.get(bucket) or self.known.get(bucket)

    def note_destination(self, bucket: str, destination: str) -> None:
        self.learnt.append(("destination", bucket, destination))

    def note_audit(self, bucket: str, destination: str) -> None:
        self.learnt.append(("audit", bucket, destination))

    def note_replicas(self, version: ObjectVersion) -> None:
        self.learnt.append(("replicas", version.bucket, version.key))


@dataclass
class MemoryHeard:
    """How far the queue was heard, as a list of what was said of it."""

    frontier: Instant | None = None
    returned: dict[str, Instant] = field(default_factory=dict)

    def advance(self, sent: Instant) -> None:
        self.frontier = max(sent, self.frontier or sent)

    def give_back(self, messages: Sequence[Message]) -> None:
        self.returned |= {one.id: one.sent for one in messages}


@dataclass
class MemoryDeadLetters:
    letters: list[tuple[Message, Rejected]] = field(default_factory=list)
    full: bool = False

    def send(self, rejected: Sequence[tuple[Message, Rejected]]) -> Iterable[str]:
        if self.full:
            return []
        self.letters += rejected
        return [message.id for message, _ in rejected]


def rule(destination: str, prefix: str = "", **more: object) -> Rule:
    """An enabled V2 rule named after its destination."""
    settings: dict[str, object] = {
        "id": f"to-{destination}",
        "priority": 1,
        "enabled": True,
        "tags": (),
        "delete_markers": False,
        "metrics": True,
    }
    return Rule(destination=destination, prefix=prefix, **(settings | more))  # type: ignore[arg-type]


def history(bucket: str, *rules: Rule, since: str = "2026-01-01T00:00:00.000Z") -> RuleHistory:
    return RuleHistory(bucket, (Revision(Instant(since), Configuration(rules)),))
