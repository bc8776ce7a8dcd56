"""Latency histograms with logarithmic buckets, so that two of them add up to a third. Pure.

Bucket 0 holds everything up to a millisecond; bucket n > 0 holds (1 ms * G^(n-1), 1 ms * G^n] with
G = 2^(1/8). Whatever is read back lies within 4.4 % of what was counted. A latency of a year falls
into bucket 280, so a histogram has at most `MOST_BUCKETS` numbers whatever it counted.
"""

from collections.abc import Mapping
from math import ceil, log2

BUCKETS_A_DOUBLING = 8
SMALLEST_SECONDS = 0.001
MOST_BUCKETS = 281

Histogram = Mapping[int, int]
"""Counts by bucket."""


def bucket_of(seconds: float) -> int:
    """The bucket a latency is counted in; negative ones (two clocks) count as zero."""
    if seconds <= SMALLEST_SECONDS:
        return 0
    return min(MOST_BUCKETS - 1, ceil(BUCKETS_A_DOUBLING * log2(seconds / SMALLEST_SECONDS)))


def seconds_of(bucket: int) -> float:
    """What is told of a bucket: the geometric middle of it, in seconds."""
    if bucket == 0:
        return 0.0
    exact: float = SMALLEST_SECONDS * 2 ** ((bucket - 0.5) / BUCKETS_A_DOUBLING)
    return round(exact, 3)


def quantile(histogram: Histogram, share: float) -> float | None:
    """The latency in seconds that `share` (0 to 1) of all do not exceed; None of none."""
    total = sum(histogram.values())
    if total <= 0:
        return None
    rank = max(1, ceil(share * total))
    for bucket, count in sorted(histogram.items()):
        rank -= count
        if rank <= 0:
            return seconds_of(bucket)
    return seconds_of(max(histogram))
