"""The recorded rules of the tracked source buckets, kept in memory for a minute."""

from collections.abc import Callable, Mapping, Sequence

from replication.cache import Cached
from replication.s3.rule_history import RuleHistory
from replication.threads import concurrently

FRESH_SECONDS = 60
UNKNOWN_SECONDS = 5
"""A bucket without recorded rules is read again sooner."""


class KnownRules:
    """Calling it gives the rule history of every bucket by name, None where none is recorded.
    `load` reads that of one bucket; `seconds` is a monotonic clock."""

    def __init__(
        self,
        load: Callable[[str], RuleHistory | None],
        buckets: Sequence[str],
        seconds: Callable[[], float],
    ) -> None:
        self._buckets = tuple(buckets)
        self._cached: Cached[str, RuleHistory | None] = Cached(
            load, lambda history: FRESH_SECONDS if history else UNKNOWN_SECONDS, seconds
        )

    def forget(self, bucket: str) -> None:
        """Has the recorded rules of the bucket read anew at the next call."""
        self._cached.forget(bucket)

    def __call__(self) -> Mapping[str, RuleHistory | None]:
        # It is called for every version, and nearly always answers what it has.
        concurrently(self._cached, [one for one in self._buckets if not self._cached.is_fresh(one)])
        return {bucket: self._cached(bucket) for bucket in self._buckets}
