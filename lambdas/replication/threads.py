"""Calls that wait for a network, a few at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MOST = 16
"""Threads of one pool; the pool of connections of a boto3 client has 32."""

T = TypeVar("T")
R = TypeVar("R")


def concurrently(call: Callable[[T], R], work: Iterable[T], most: int = MOST) -> list[R]:
    """The answers in the order of the work, from at most `most` threads. The first error is
    raised once every call has ended."""
    asked = list(work)
    if len(asked) < 2:
        return [call(one) for one in asked]
    with ThreadPoolExecutor(max_workers=min(most, len(asked))) as pool:
        return list(pool.map(call, asked))
