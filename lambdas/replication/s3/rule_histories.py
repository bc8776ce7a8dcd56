"""The port to the replication rules of all tracked source buckets. Implemented by
`aws.s3.rule_histories`, and in memory by tests."""

from collections.abc import Mapping
from typing import Protocol

from replication.s3.rule_history import RuleHistory
from replication.s3.version import ObjectVersion
from replication.times import Instant


class RuleHistories(Protocol):
    """The replication configurations of the tracked source buckets."""

    def histories(self) -> Mapping[str, RuleHistory]:
        """The rule history of every bucket whose rules are known, by name."""
        ...

    def unknown(self) -> Mapping[str, str]:
        """Buckets whose rules are not known, with the reason."""
        ...

    def forget(self, bucket: str | None, changed_at: Instant | None) -> None:
        """Read the rules of `bucket` (None: of all) again before the next use. `changed_at`: when
        they were changed, as CloudTrail says; None: they may not have changed."""
        ...

    def reread(self, bucket: str) -> RuleHistory | None:
        """The rules read from S3 now; those known before if S3 does not answer."""
        ...

    def note_destination(self, bucket: str, destination: str) -> None:
        """Record a destination that S3 named and no known rule does."""
        ...

    def note_audit(self, bucket: str, destination: str) -> None:
        """Audit all replicas of a route: some may be without their tags, and S3 sends no event of
        that."""
        ...

    def note_replicas(self, version: ObjectVersion) -> None:
        """Record that this version of a source bucket is a replica of an untracked bucket."""
        ...
