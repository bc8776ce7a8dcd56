"""How long a replication took, as exactly as the times allow. Pure."""

from replication.times import Instant, seconds_between


def latency(requested_at: Instant, arrived_at: Instant) -> float:
    """Seconds from the request to the arrival; the middle of what is possible.

    EventBridge cuts times to whole seconds: a request that ends in `.000` lies anywhere in its
    second, and so does an arrival that ends in `.999` (`times.end_of_second`). The difference then
    lies within an interval, and never below 0; its middle errs to neither side.
    """
    low = high = seconds_between(requested_at, arrived_at)
    if requested_at.endswith(".000Z"):
        low -= 1.0
    if arrived_at.endswith(".999Z"):
        low, high = low - 0.999, high + 0.001
    low, high = max(0.0, low), max(0.0, high)
    return round((low + high) / 2, 3)
