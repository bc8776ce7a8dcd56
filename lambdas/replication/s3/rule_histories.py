"""What the functions ask about the rules of all tracked source buckets. `aws.s3.rule_histories`
answers; tests answer in memory."""

from collections.abc import Mapping
from typing import Protocol

from replication.s3.rule_history import RuleHistory
from replication.s3.version import ObjectVersion
from replication.times import Instant


class RuleHistories(Protocol):
    """The replication configurations of the tracked source buckets."""

    def histories(self) -> Mapping[str, RuleHistory]: ...

    def unknown(self) -> Mapping[str, str]:
        """Buckets of which no rules are known, with the reason."""
        ...

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        """Read anew at the next question; `changed_at`: S3 was told of a change at that time."""
        ...

    def reread(self, bucket: str) -> RuleHistory | None:
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
