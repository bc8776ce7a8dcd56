"""Latency histograms with logarithmic buckets, which can be added.

Bucket 0 counts latencies up to a millisecond; bucket n > 0 those in (1 ms * G^(n-1), 1 ms * G^n]
with G = 2^(1/8). The value read back is within 4.4 % of the latency. A latency of a year falls into
bucket 280, the last one.
"""

from collections.abc import Mapping
from math import ceil, log2

BUCKETS_A_DOUBLING = 8
SMALLEST_SECONDS = 0.001
MOST_BUCKETS = 281

Histogram = Mapping[int, int]
"""Counts by bucket."""


def bucket_of(seconds: float) -> int:
    """The bucket of a latency; a negative one (from two clocks) counts as zero."""
    if seconds <= SMALLEST_SECONDS:
        return 0
    return min(MOST_BUCKETS - 1, ceil(BUCKETS_A_DOUBLING * log2(seconds / SMALLEST_SECONDS)))


def seconds_of(bucket: int) -> float:
    """The latency a bucket stands for: its geometric middle, in seconds."""
    if bucket == 0:
        return 0.0
    exact: float = SMALLEST_SECONDS * 2 ** ((bucket - 0.5) / BUCKETS_A_DOUBLING)
    return round(exact, 3)


def quantile(histogram: Histogram, share: float) -> float | None:
    """The latency in seconds that `share` (0 to 1) of them do not exceed; None: there are none."""
    total = sum(histogram.values())
    if total <= 0:
        return None
    rank = max(1, ceil(share * total))
    for bucket, count in sorted(histogram.items()):
        rank -= count
        if rank <= 0:
            return seconds_of(bucket)
    return seconds_of(max(histogram))
