"""How long a replication took, as exactly as the times allow."""

from replication.times import Instant, seconds_between


def latency(requested_at: Instant, arrived_at: Instant) -> float:
    """Seconds from the request to the arrival, never negative.

    EventBridge cuts times to whole seconds: a request that ends in `.000`, and an arrival that ends
    in `.999` (`times.end_of_second`), lie anywhere in their second. The difference is then an
    interval, and its middle is returned.
    """
    low = high = seconds_between(requested_at, arrived_at)
    if requested_at.endswith(".000Z"):
        low -= 1.0
    if arrived_at.endswith(".999Z"):
        low, high = low - 0.999, high + 0.001
    low, high = max(0.0, low), max(0.0, high)
    return round((low + high) / 2, 3)
