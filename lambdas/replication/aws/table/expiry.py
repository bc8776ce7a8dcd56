"""When DynamoDB may delete an item: the attribute `expires_at`."""

from collections.abc import Mapping

from replication.times import Instant, plus, to_datetime

DAY = 86_400
"""Seconds."""


def expiry(at: Instant, seconds: int = 0) -> Mapping[str, str]:
    """A value of `expires_at`, DynamoDB's time to live, so long after `at`."""
    return {"N": str(int(to_datetime(plus(at, seconds)).timestamp()))}
