"""Values kept for a while, so that a warm function does not read them for every request."""

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cached(Generic[K, V]):
    """Calls `load(key)`, and keeps its value for `fresh(value)` seconds.

    `seconds` is a monotonic clock. An error of `load` is raised, and nothing is kept.
    """

    def __init__(
        self,
        load: Callable[[K], V],
        fresh: Callable[[V], float],
        seconds: Callable[[], float],
    ) -> None:
        self._load = load
        self._fresh = fresh
        self._seconds = seconds
        self._kept: dict[K, tuple[float, V]] = {}

    def __call__(self, key: K) -> V:
        if not self.is_fresh(key):
            self._kept[key] = (self._seconds(), self._load(key))
        return self._kept[key][1]

    def forget(self, key: K) -> None:
        """Has the value of `key` loaded anew when it is asked for next."""
        self._kept.pop(key, None)

    def is_fresh(self, key: K) -> bool:
        """Whether the value of `key` is kept and not too old."""
        if key not in self._kept:
            return False
        read_at, value = self._kept[key]
        return self._seconds() - read_at < self._fresh(value)
