"""Reads the rules of a source bucket in S3 when somebody waits for that, and notes it for all."""

from collections.abc import Callable
from dataclasses import dataclass

from replication.ledger.schedule import RuleRead
from replication.s3.rule_history import RuleHistory


@dataclass(frozen=True, slots=True)
class RuleReader:
    """`sources` are the tracked source buckets, `load` gives the recorded rules of one, and `read`
    reads them in S3 and notes it for others."""

    sources: frozenset[str]
    load: Callable[[str], RuleHistory | None]
    read: Callable[[str], None]

    def work_off(self, work: RuleRead) -> None:
        """Nothing when they were read since they were asked for."""
        known = self.load(work.bucket) if work.bucket in self.sources else None
        # Before the first look of `record` tracking has not begun.
        if known is None or (known.read_at and known.read_at > work.asked_at):
            return
        self.read(work.bucket)
