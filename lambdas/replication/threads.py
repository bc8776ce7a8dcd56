"""Several network calls at once."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

MOST = 16
"""Threads of one pool. A boto3 client has 32 connections."""

T = TypeVar("T")
R = TypeVar("R")


def concurrently(call: Callable[[T], R], work: Iterable[T], most: int = MOST) -> list[R]:
    """`call` of each item, in the order of `work`, on at most `most` threads. The first error is
    raised once every call has ended."""
    items = list(work)
    if len(items) < 2:
        return [call(item) for item in items]
    with ThreadPoolExecutor(max_workers=min(most, len(items))) as pool:
        return list(pool.map(call, items))
